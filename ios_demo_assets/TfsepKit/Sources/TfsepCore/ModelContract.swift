import Foundation

/// What can be wrong with a model, a sound or a file; each says what was found and what to do.
public enum TfsepError: Error, Equatable, LocalizedError {
    case contract(String)
    case model(String)
    case audio(String)

    public var errorDescription: String? {
        switch self {
        case .contract(let text), .model(let text), .audio(let text): return text
        }
    }
}

/// The geometry of the short-time Fourier transform, field for field that of the JSON.
public struct SpectrogramSpec: Codable, Equatable, Sendable {
    public let sampleRateHz: Int
    public let windowSamples: Int
    public let hopSamples: Int
    public let channels: Int
    /// Of one chunk, whose shape is fixed.
    public let frames: Int
    public let featureGain: Float
    /// Set for models of low latency, whose window is another; these take a loop of their own.
    public let synthesisSamples: Int?

    enum CodingKeys: String, CodingKey {
        case sampleRateHz = "sample_rate_hz"
        case windowSamples = "window_samples"
        case hopSamples = "hop_samples"
        case channels, frames
        case featureGain = "feature_gain"
        case synthesisSamples = "synthesis_samples"
    }

    public init(sampleRateHz: Int, windowSamples: Int, hopSamples: Int, channels: Int, frames: Int, featureGain: Float) {
        self.sampleRateHz = sampleRateHz
        self.windowSamples = windowSamples
        self.hopSamples = hopSamples
        self.channels = channels
        self.frames = frames
        self.featureGain = featureGain
        synthesisSamples = nil
    }

    /// Bins of the transform, 0 Hz and Nyquist included.
    public var bins: Int { windowSamples / 2 + 1 }
    /// Bins that the model sees: all but Nyquist.
    public var modelBins: Int { windowSamples / 2 }
    /// How far the first frame starts before the first sample.
    public var leadSamples: Int { windowSamples - hopSamples }

    /// How many frames cover `samples` samples, each of which lies in window / hop frames; 0 for none.
    public func frameCount(samples: Int) -> Int {
        samples == 0 ? 0 : (samples + leadSamples + hopSamples - 1) / hopSamples
    }
}

/// What a model file promises: read from its metadata `tfsep_contract` or from the JSON file beside it.
public struct ModelContract: Codable, Equatable, Sendable {
    /// Contract versions by kind of mask.
    static let versions = ["real": 1, "complex": 2]
    /// The name of the entry in the metadata of a model file.
    public static let metadataName = "tfsep_contract"
    static let residualStems = ["other", "accompaniment"]
    /// The rules of the contract as this package follows them, word for word. A model whose contract says anything else is refused.
    static let transform = [
        "window": "periodic Hann, 0.5 - 0.5 * cos(2 * pi * n / window_samples)",
        "scale": "2 / sum(window)",
        "bins": "0 .. window_samples / 2 - 1; the Nyquist bin takes the mask of the bin below",
        "inverse": "overlap-add with the window, divided by the sum of its squares",
    ]
    static let crossFade = "sin^2(pi / 2 * (k + 0.5) / overlap) for k = 0 .. overlap - 1"
    static let features = [
        "real": "log1p(feature_gain * magnitude)",
        "complex": "log1p(feature_gain * magnitude) of each channel, then of each channel the real part of that times X / |X|, then of each the imaginary part; 0 where X is 0",
    ]
    static let outputs = [
        "real": "mask in [0, 1], the stems' masks sum to 1",
        "complex": "complex mask, of each channel the real part, then of each the imaginary part; the stems' masks sum to 1 + 0i",
    ]
    static let axes = ["batch", "frames", "bins", "channels"]

    public let version: Int
    public let kind: String
    /// "real" or "complex"; contracts of old do not say, and mean real ones.
    let mask: String?
    public let name: String
    public let spec: SpectrogramSpec
    public let stems: [String]
    public let inputName: String
    public let overlapFrames: Int
    let tensors: Tensors
    let chunk: Chunk
    let rules: Rules

    struct Tensors: Codable, Equatable, Sendable {
        let axes: [String]
        let output: String
    }

    struct Chunk: Codable, Equatable, Sendable {
        let crossFade: String
        enum CodingKeys: String, CodingKey { case crossFade = "cross_fade" }
    }

    struct Rules: Codable, Equatable, Sendable {
        let window: String
        let scale: String
        let firstFrame: Int
        let bins: String
        let features: String
        let inverse: String

        enum CodingKeys: String, CodingKey {
            case window, scale, bins, features, inverse
            case firstFrame = "first_frame_starts_at_sample"
        }

        var byName: [String: String] {
            ["window": window, "scale": scale, "bins": bins, "inverse": inverse]
        }
    }

    enum CodingKeys: String, CodingKey {
        case version = "contract_version"
        case kind, mask, name, spec, stems, tensors, chunk
        case inputName = "input_name"
        case overlapFrames = "overlap_frames"
        case rules = "transform"
    }

    /// Reads a contract. Throws `TfsepError.contract` if it is incomplete, of another version or asks for what this package has not got.
    public static func decode(_ json: Data) throws -> ModelContract {
        let contract: ModelContract
        do {
            contract = try JSONDecoder().decode(ModelContract.self, from: json)
        } catch {
            throw TfsepError.contract("The model's description is incomplete or damaged (\(error)): export the model again.")
        }
        return try contract.checked()
    }

    func checked() throws -> ModelContract {
        try check()
        return self
    }

    /// The stem that takes what no other stem claims.
    public var residualStem: String {
        Self.residualStems.first(where: stems.contains) ?? stems[stems.count - 1]
    }

    /// The stems whose masks are used; the residual stem is the mixture minus these.
    public var maskedStems: [String] { stems.filter { $0 != residualStem } }

    /// Whether masks are complex: with real and imaginary parts as channels, and features that tell the phase.
    public var hasComplexMasks: Bool { mask == "complex" }
    /// Channels of the model's input.
    public var inputChannels: Int { spec.channels * (hasComplexMasks ? 3 : 1) }
    /// Channels of each mask.
    public var maskChannels: Int { spec.channels * (hasComplexMasks ? 2 : 1) }
    /// Values in the model's input.
    public var inputSize: Int { spec.frames * spec.modelBins * inputChannels }
    /// Values in each mask.
    public var maskSize: Int { spec.frames * spec.modelBins * maskChannels }

    private func check() throws {
        func need(_ right: Bool, _ complaint: @autoclosure () -> String) throws {
            guard right else { throw TfsepError.contract("Model \(name): \(complaint())") }
        }
        let masks = mask ?? "real"
        try need(
            Self.versions[masks] == version,
            "contract version \(version) with \(masks) masks, this package reads 1 with real and 2 with complex ones: export it again.")
        try need(kind == "spectrogram", "is of kind \(kind), this package runs models of kind spectrogram.")
        try need(stems.count >= 2 && Set(stems).count == stems.count, "stems \(stems): two or more different names are needed.")
        try need(spec.synthesisSamples == nil, "has the window of a streaming model, which this package does not run.")
        let window = spec.windowSamples
        // both transforms here are of powers of two
        try need(window >= 16 && window & (window - 1) == 0, "window_samples \(window): a power of two from 16 on is needed.")
        try need(
            spec.hopSamples > 0 && spec.hopSamples <= window / 2 && window % spec.hopSamples == 0,
            "hop_samples \(spec.hopSamples): a divisor of \(window), at most half of it, is needed.")
        try need(spec.channels == 1 || spec.channels == 2, "channels \(spec.channels): 1 or 2 are needed.")
        try need(spec.sampleRateHz >= 1000, "sample_rate_hz \(spec.sampleRateHz): 1000 or more are needed.")
        try need(
            spec.frames >= 1 && overlapFrames >= 0 && overlapFrames <= spec.frames / 2,
            "frames \(spec.frames), overlap_frames \(overlapFrames): the overlap may be half of the chunk at most.")
        try need(spec.featureGain > 0 && spec.featureGain.isFinite, "feature_gain \(spec.featureGain): use a positive number.")
        for (name, text) in rules.byName.sorted(by: { $0.key < $1.key }) {
            try need(Self.transform[name] == text, "\(name) is \"\(text)\", which this package does not do.")
        }
        try need(rules.features == Self.features[masks], "features are \"\(rules.features)\", which this package does not do.")
        try need(rules.firstFrame == -spec.leadSamples, "the first frame starts at \(rules.firstFrame), not \(-spec.leadSamples).")
        try need(chunk.crossFade == Self.crossFade, "the cross-fade is \"\(chunk.crossFade)\", which this package does not do.")
        try need(tensors.axes == Self.axes, "the tensors' axes are \(tensors.axes), not \(Self.axes).")
        try need(tensors.output == Self.outputs[masks], "its outputs are \"\(tensors.output)\", which this package does not take.")
    }
}
