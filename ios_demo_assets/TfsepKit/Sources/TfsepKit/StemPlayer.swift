import AVFoundation
import Observation
import TfsepCore

/// The stems of one song on an engine: all start at one time, each has a gain, and one time-pitch unit stands after their sum, so that
/// the stems cannot drift apart whatever the tempo.
@MainActor
@Observable
public final class StemDeck: Identifiable {
    public let title: String
    /// The faders; what is heard follows at once.
    public var mix: StemMix {
        didSet { applyMix() }
    }
    /// Tempo, 1 as recorded, 0.5 to 2; the pitch stays.
    public var rate: Float = 1 {
        didSet { timePitch.rate = min(2, max(0.5, rate)) }
    }

    @ObservationIgnored private let files: [String: AVAudioFile]
    @ObservationIgnored private let players: [String: AVAudioPlayerNode]
    @ObservationIgnored private let sum = AVAudioMixerNode()
    @ObservationIgnored private let timePitch = AVAudioUnitTimePitch()
    @ObservationIgnored private let loops: Bool

    /// - Parameters:
    ///   - stems: files by stem, all of one sample rate, length and number of channels.
    ///   - loops: whether to play them over and over, for which they are held in memory.
    /// Throws `TfsepError.audio` if there is none or they differ.
    public init(title: String, stems: [String: URL], loops: Bool = false) throws {
        let names = stems.keys.sorted()
        let files = try stems.mapValues { try AVAudioFile(forReading: $0) }
        guard let first = names.first.flatMap({ files[$0] }) else { throw TfsepError.audio("\(title): has no stems.") }
        for name in names {
            guard let file = files[name], file.processingFormat == first.processingFormat, file.length == first.length else {
                throw TfsepError.audio("\(title): \(name) differs from the other stems in sample rate, channels or length.")
            }
        }
        self.title = title
        self.files = files
        self.loops = loops
        players = stems.mapValues { _ in AVAudioPlayerNode() }
        mix = StemMix(stems: names)
    }

    func attach(to engine: AVAudioEngine) {
        guard let format = files.values.first?.processingFormat else { return }
        engine.attach(sum)
        engine.attach(timePitch)
        for player in players.values {
            engine.attach(player)
            engine.connect(player, to: sum, format: format)
        }
        engine.connect(sum, to: timePitch, format: format)
        engine.connect(timePitch, to: engine.mainMixerNode, format: format)
        applyMix()
    }

    func detach(from engine: AVAudioEngine) {
        for player in players.values { engine.detach(player) }
        engine.detach(sum)
        engine.detach(timePitch)
    }

    /// Puts the stems in line; they sound from `time` on.
    func start(at time: AVAudioTime) throws {
        for (name, player) in players {
            guard let file = files[name] else { continue }
            player.stop()
            if loops {
                player.scheduleBuffer(try buffer(file), at: nil, options: [.loops], completionHandler: nil)
            } else {
                file.framePosition = 0
                player.scheduleFile(file, at: nil, completionHandler: nil)
            }
            // reads ahead, so that no stem is late
            player.prepare(withFrameCount: 8192)
        }
        for player in players.values { player.play(at: time) }
    }

    func stop() {
        for player in players.values { player.stop() }
    }

    private func buffer(_ file: AVAudioFile) throws -> AVAudioPCMBuffer {
        guard
            let buffer = AVAudioPCMBuffer(pcmFormat: file.processingFormat, frameCapacity: AVAudioFrameCount(file.length))
        else {
            throw TfsepError.audio("\(title): is too long to be looped.")
        }
        file.framePosition = 0
        try file.read(into: buffer)
        return buffer
    }

    private func applyMix() {
        for (name, player) in players { player.volume = mix.heardGain(of: name) }
    }
}

/// Plays decks of stems through one engine.
@MainActor
@Observable
public final class StemPlayer {
    public private(set) var decks: [StemDeck] = []
    public private(set) var isPlaying = false

    @ObservationIgnored private let engine = AVAudioEngine()
    @ObservationIgnored private var changes: Observer?
    /// Until the first sample: enough for every stem to be read ahead.
    private static let leadSeconds = 0.1

    public init() {
        // Headphones in or out stop the engine; the view then shows that nothing plays.
        changes = Observer(of: .AVAudioEngineConfigurationChange, from: engine) { [weak self] in self?.stop() }
    }

    /// Puts decks in the place of those before.
    public func load(_ decks: [StemDeck]) {
        stop()
        for deck in self.decks { deck.detach(from: engine) }
        for deck in decks { deck.attach(to: engine) }
        self.decks = decks
    }

    /// Starts all stems of all decks at one host time.
    public func play() throws {
        guard !decks.isEmpty else { return }
        #if os(iOS)
        try AVAudioSession.sharedInstance().setCategory(.playback)
        try AVAudioSession.sharedInstance().setActive(true)
        #endif
        engine.prepare()
        try engine.start()
        let time = AVAudioTime(hostTime: mach_absolute_time() + AVAudioTime.hostTime(forSeconds: Self.leadSeconds))
        do {
            for deck in decks { try deck.start(at: time) }
        } catch {
            stop()
            throw error
        }
        isPlaying = true
    }

    public func stop() {
        for deck in decks { deck.stop() }
        engine.stop()
        isPlaying = false
    }

    /// Of the first deck the drums, of the others all but the drums.
    public func playDrumsOfFirstUnderTheRest() {
        for (index, deck) in decks.enumerated() {
            deck.mix.keepOnly(Set(deck.mix.stems.filter { ($0 == "drums") == (index == 0) }))
        }
    }
}

/// Calls a function on the main actor at each notification, for as long as it lives.
private final class Observer: @unchecked Sendable {
    private let token: NSObjectProtocol  // never changed

    init(of name: NSNotification.Name, from object: AnyObject, call: @escaping @MainActor @Sendable () -> Void) {
        token = NotificationCenter.default.addObserver(forName: name, object: object, queue: .main) { _ in
            MainActor.assumeIsolated { call() }
        }
    }

    deinit {
        NotificationCenter.default.removeObserver(token)
    }
}
