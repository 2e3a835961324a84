@preconcurrency import CoreML
import Foundation
import TfsepCore

/// Takes songs apart with a Core ML model, chunk by chunk: about two chunks are in memory, however long the song.
public actor StemSeparator {
    public nonisolated let contract: ModelContract
    private let model: MaskModel

    private init(model: MaskModel) {
        self.model = model
        contract = model.contract
    }

    /// Loads a `.mlmodelc` or `.mlpackage`. The first load on a device takes longer: the system compiles for its processors.
    ///
    /// - Parameter configuration: `computeUnits` chooses among CPU, GPU and Neural Engine; in the background iOS allows no GPU.
    public static func load(
        contentsOf url: URL, configuration: MLModelConfiguration = MLModelConfiguration()
    ) async throws -> StemSeparator {
        StemSeparator(model: try await MaskModel.load(url, configuration: configuration))
    }

    /// Takes a file apart into `folder/STEM.caf`, at the model's sample rate.
    ///
    /// - Parameter progress: called with 0 to 1 after each chunk, on no particular thread.
    /// - Returns: the files by stem. Throws `CancellationError` when the task is cancelled; the folder is as it was then.
    public func separate(
        _ source: URL, into folder: URL, progress: (@Sendable (Double) -> Void)? = nil
    ) async throws -> [String: URL] {
        let spec = contract.spec
        let reader = try SongReader(source, sampleRateHz: spec.sampleRateHz, blockSamples: spec.frames * spec.hopSamples / 4)
        let files = try StemFiles(stems: contract.stems, sampleRateHz: spec.sampleRateHz, channels: reader.channels, near: folder)
        var samples = 0
        try await run(
            channels: reader.channels, next: reader.next,
            take: { block in
                samples += block.mixture.samples
                try files.write(block)
                progress?(reader.progress)
            })
        guard samples > 0 else { throw TfsepError.audio("\(source.lastPathComponent): holds no sound.") }
        let written = try files.finish(in: folder)
        progress?(1)
        return written
    }

    /// Takes a short sound apart in memory; it has the model's sample rate, and one or two channels.
    public func separate(_ sound: Sound) async throws -> [String: Sound] {
        var stems = Dictionary(uniqueKeysWithValues: contract.stems.map { ($0, Sound.silence(channels: sound.channels.count)) })
        var left: Sound? = sound
        try await run(
            channels: sound.channels.count,
            next: {
                defer { left = nil }
                return left
            },
            take: { block in
                for (stem, part) in block.stems { stems[stem]?.append(part) }
            })
        return stems
    }

    /// Compares the model on this very device with golden vectors; returns the distance of the stems in dB and the floor that it must
    /// reach for a file of this path, such as "models/tfsep-int8.mlpackage".
    public func distance(from golden: GoldenSet, file: String) async throws -> (stemsDb: Double, floorDb: Double?) {
        guard golden.contract.spec == contract.spec, golden.contract.stems == contract.stems else {
            throw TfsepError.model("The golden vectors are of the model \(golden.contract.name), which has another geometry.")
        }
        let found = try await separate(golden.input())
        return (distanceDb(found, try golden.stems()), golden.files[file]?["stems_floor_db"])
    }

    /// The chunk loop. `next` gives the song's blocks, `take` gets the stems as they become final, in order.
    private func run(channels: Int, next: () throws -> Sound?, take: (StemBlock) throws -> Void) async throws {
        let analysis = Analysis(contract: contract, channels: channels) { VDSPTransform(size: $0) }
        let synthesis = Synthesis(contract: contract, channels: channels) { VDSPTransform(size: $0) }
        let input = try model.makeInput()
        while let block = try next() {
            synthesis.takeMixture(block)
            for chunk in analysis.push(block) {
                try take(await separated(chunk, input, analysis, synthesis))
            }
        }
        for chunk in analysis.finish() {
            try take(await separated(chunk, input, analysis, synthesis))
        }
        try take(synthesis.finish())
    }

    private func separated(
        _ chunk: [SpectrumFrame], _ input: MLMultiArray, _ analysis: Analysis, _ synthesis: Synthesis
    ) async throws -> StemBlock {
        try Task.checkCancellation()
        input.withUnsafeMutableBufferPointer(ofType: Float.self) { memory, _ in
            analysis.writeFeatures(of: chunk, to: memory)
        }
        return try synthesis.add(chunk, masks: await model.masks(for: input))
    }
}
