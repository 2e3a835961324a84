import Foundation

/// Cuts a stream of frames into overlapping chunks: chunk `k` starts at frame `k * (chunkFrames - overlapFrames)`, and all have
/// `chunkFrames` frames but the last, which ends with the stream.
public struct ChunkCutter<Frame> {
    private let chunkFrames: Int
    private let overlapFrames: Int
    private var waiting: [Frame] = []
    /// Of those waiting, how many an earlier chunk held as well.
    private var seen = 0

    public init(chunkFrames: Int, overlapFrames: Int) {
        self.chunkFrames = chunkFrames
        self.overlapFrames = overlapFrames
    }

    /// Takes frames; returns the chunks that are full.
    public mutating func push(_ frames: [Frame]) -> [[Frame]] {
        waiting.append(contentsOf: frames)
        var chunks: [[Frame]] = []
        while waiting.count >= chunkFrames {
            chunks.append(Array(waiting[..<chunkFrames]))
            waiting.removeFirst(chunkFrames - overlapFrames)
            seen = overlapFrames
        }
        return chunks
    }

    /// Returns the last chunk if frames are left that no chunk has held.
    public mutating func finish() -> [Frame]? {
        defer { (waiting, seen) = ([], 0) }
        return waiting.count > seen ? waiting : nil
    }
}

/// Joins what a model makes of the chunks of `ChunkCutter` into one stream: over the frames that two chunks share, the first fades
/// out while the second fades in, by sin^2, so that both gains sum to one.
public struct CrossFader {
    private let overlapFrames: Int
    private let frameSize: Int
    private let fade: [Float]
    private var held: [Float] = []

    /// - Parameter frameSize: values of one frame.
    public init(overlapFrames: Int, frameSize: Int) {
        self.overlapFrames = overlapFrames
        self.frameSize = frameSize
        fade = (0..<overlapFrames).map {
            let sine = sin(Double.pi / 2 * (Double($0) + 0.5) / Double(overlapFrames))
            return Float(sine * sine)
        }
    }

    /// Takes the next chunk, frame after frame; returns the frames that are final, all but the last `overlapFrames`.
    public mutating func push(_ chunk: ArraySlice<Float>) -> [Float] {
        var values = Array(chunk)
        if !held.isEmpty {
            precondition(values.count > held.count, "only the first chunk may be shorter than the overlap")
            for frame in 0..<overlapFrames {
                let gain = fade[frame]
                for index in frame * frameSize..<(frame + 1) * frameSize {
                    values[index] = (values[index] - held[index]) * gain + held[index]
                }
            }
        }
        let final = max(0, values.count - overlapFrames * frameSize)
        held = Array(values[final...])
        values.removeLast(values.count - final)
        return values
    }

    /// Returns the frames after the last chunk's final ones.
    public mutating func finish() -> [Float] {
        defer { held = [] }
        return held
    }
}
