/// The faders of one deck: a gain, mute and solo for each stem.
public struct StemMix: Equatable, Sendable {
    public let stems: [String]
    /// Linear, 1 as recorded.
    public private(set) var gains: [String: Float]
    public private(set) var muted: Set<String> = []
    public private(set) var soloed: Set<String> = []

    public init(stems: [String]) {
        self.stems = stems
        gains = Dictionary(uniqueKeysWithValues: stems.map { ($0, 1) })
    }

    /// What a stem is multiplied with: nothing is heard of muted ones, nor of others while some are soloed.
    public func heardGain(of stem: String) -> Float {
        if muted.contains(stem) || (!soloed.isEmpty && !soloed.contains(stem)) { return 0 }
        return gains[stem] ?? 0
    }

    public mutating func setGain(_ gain: Float, of stem: String) {
        guard gains[stem] != nil, gain.isFinite else { return }
        gains[stem] = max(0, gain)
    }

    public mutating func setMuted(_ isMuted: Bool, of stem: String) {
        guard gains[stem] != nil else { return }
        if isMuted { muted.insert(stem) } else { muted.remove(stem) }
    }

    public mutating func setSoloed(_ isSoloed: Bool, of stem: String) {
        guard gains[stem] != nil else { return }
        if isSoloed { soloed.insert(stem) } else { soloed.remove(stem) }
    }

    /// Lets only these stems be heard.
    public mutating func keepOnly(_ kept: Set<String>) {
        soloed = []
        muted = Set(stems).subtracting(kept)
    }
}
