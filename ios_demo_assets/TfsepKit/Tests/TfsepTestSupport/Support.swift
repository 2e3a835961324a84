import Foundation
import TfsepCore

/// Where the golden vectors lie: `golden` beside the package, or the folder that the environment names, for devices and other places.
public func goldenVectors() throws -> GoldenVectors {
    if let path = ProcessInfo.processInfo.environment["TFSEP_GOLDEN"] {
        return try GoldenVectors(folder: URL(fileURLWithPath: path))
    }
    let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let folder = package.deletingLastPathComponent().appendingPathComponent("golden")
    return try GoldenVectors(folder: folder)
}

/// Seeded noise in -1 ... 1, the same on every system.
public func noise(_ count: Int, seed: UInt64 = 1) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407  // Knuth's constants
        return Float(state >> 40) / Float(1 << 23) - 1
    }
}

/// NaN if any value is; both are of one length.
public func largestDifference(_ found: [Float], _ wanted: [Float]) -> Float {
    precondition(found.count == wanted.count, "\(found.count) values, \(wanted.count) are wanted")
    var most: Float = 0
    for (one, other) in zip(found, wanted) {
        let difference = abs(one - other)
        if difference.isNaN { return .nan }
        most = max(most, difference)
    }
    return most
}

/// Runs a whole separation with masks that `predict` makes of features, the song in blocks of `blockSamples`.
public func separated(
    _ song: Sound, contract: ModelContract, blockSamples: Int, transform: TransformMaker = PureTransform.init,
    predict: ([Float]) throws -> [String: [Float]]
) throws -> (stems: [String: Sound], mixture: Sound, mostWaiting: Int) {
    let channels = song.channels.count
    let analysis = Analysis(contract: contract, channels: channels, transform: transform)
    let synthesis = Synthesis(contract: contract, channels: channels, transform: transform)
    var tensor = [Float](repeating: .nan, count: contract.inputSize)
    var mixture = Sound.silence(channels: channels)
    var stems: [String: Sound] = [:]
    var mostWaiting = 0
    func keep(_ block: StemBlock) {
        mixture.append(block.mixture)
        for (name, sound) in block.stems { stems[name, default: .silence(channels: channels)].append(sound) }
    }
    func add(_ chunks: [[SpectrumFrame]]) throws {
        for chunk in chunks {
            tensor.withUnsafeMutableBufferPointer { analysis.writeFeatures(of: chunk, to: $0) }
            keep(try synthesis.add(chunk, masks: predict(tensor)))
        }
    }
    for start in stride(from: 0, to: song.samples, by: blockSamples) {
        let block = song.slice(start..<min(start + blockSamples, song.samples))
        synthesis.takeMixture(block)
        try add(analysis.push(block))
        mostWaiting = max(mostWaiting, synthesis.waitingSamples)
    }
    try add(analysis.finish())
    keep(synthesis.finish())
    return (stems, mixture, mostWaiting)
}
