import Foundation

/// The first half of a separation: from the song's samples to chunks of spectra and to what the model sees of them.
public final class Analysis {
    private let contract: ModelContract
    private let spec: SpectrogramSpec
    private let songChannels: Int
    private let stft: StreamingStft
    private var cutter: ChunkCutter<SpectrumFrame>

    /// - Parameters:
    ///   - channels: of the song, 1 or 2; its sample rate is that of the contract.
    ///   - transform: makes the Fourier transform, `PureTransform.init` unless there is a faster one.
    public init(contract: ModelContract, channels: Int, transform: TransformMaker = PureTransform.init) {
        self.contract = contract
        spec = contract.spec
        songChannels = channels
        stft = StreamingStft(spec: contract.spec, channels: channels, transform: transform)
        cutter = ChunkCutter(chunkFrames: contract.spec.frames, overlapFrames: contract.overlapFrames)
    }

    /// Takes a block; returns the chunks that it completes.
    public func push(_ block: Sound) -> [[SpectrumFrame]] {
        cutter.push(stft.push(block))
    }

    /// Returns the chunks that reach to the end of the song, the last one shorter.
    public func finish() -> [[SpectrumFrame]] {
        var chunks = cutter.push(stft.finish())
        if let last = cutter.finish() { chunks.append(last) }
        return chunks
    }

    /// Writes the model's input for a chunk: frames, bins, channels, the last fastest. A short chunk is filled up with silence. Mono
    /// is given to each of the model's channels; a mono model sees the mid.
    ///
    /// - Parameter tensor: `contract.inputSize` values, not necessarily zero before.
    public func writeFeatures(of chunk: [SpectrumFrame], to tensor: UnsafeMutableBufferPointer<Float>) {
        precondition(tensor.count == contract.inputSize && chunk.count <= spec.frames)
        let gain = spec.featureGain
        let channels = spec.channels
        let stride = contract.inputChannels
        let complex = contract.hasComplexMasks
        var cell = 0
        for frame in chunk {
            for bin in 0..<spec.modelBins {
                for channel in 0..<channels {
                    let (real, imaginary) = value(frame, bin: bin, channel: channel)
                    let magnitude = (real * real + imaginary * imaginary).squareRoot()
                    let compressed = log1p(gain * magnitude)
                    tensor[cell + channel] = compressed
                    if complex {
                        let turn = compressed / max(magnitude, Float.leastNormalMagnitude)
                        tensor[cell + channels + channel] = real * turn
                        tensor[cell + 2 * channels + channel] = imaginary * turn
                    }
                }
                cell += stride
            }
        }
        for index in cell..<tensor.count { tensor[index] = 0 }
    }

    private func value(_ frame: SpectrumFrame, bin: Int, channel: Int) -> (Float, Float) {
        if songChannels > spec.channels {
            return (
                (frame.real[bin] + frame.real[frame.bins + bin]) / 2,
                (frame.imaginary[bin] + frame.imaginary[frame.bins + bin]) / 2
            )
        }
        let offset = min(channel, songChannels - 1) * frame.bins
        return (frame.real[offset + bin], frame.imaginary[offset + bin])
    }
}
