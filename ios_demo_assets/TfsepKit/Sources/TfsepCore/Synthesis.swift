/// The second half of a separation: from chunks of spectra and their masks to blocks of the mixture and its stems.
///
/// Every stem but the residual one is the mixture's spectrum times its mask; the residual is what these leave of the mixture, so that
/// the stems sum to it. Only what is not yet final is kept: about one chunk, however long the song.
public final class Synthesis {
    private let contract: ModelContract
    private let spec: SpectrogramSpec
    private let channels: Int
    private let masked: [String]
    /// Values of one frame of a mask.
    private let frameSize: Int
    private var faders: [CrossFader]
    private let istfts: [StreamingIstft]
    /// Whose stems are not ready yet.
    private var mixture: Sound
    /// Frames of the last chunk that wait for the next one.
    private var tail: [SpectrumFrame] = []

    public init(contract: ModelContract, channels: Int, transform: TransformMaker = PureTransform.init) {
        self.contract = contract
        spec = contract.spec
        self.channels = channels
        masked = contract.maskedStems
        let frameSize = contract.spec.modelBins * contract.maskChannels
        self.frameSize = frameSize
        faders = masked.map { _ in CrossFader(overlapFrames: contract.overlapFrames, frameSize: frameSize) }
        istfts = masked.map { _ in StreamingIstft(spec: contract.spec, channels: channels, transform: transform) }
        mixture = .silence(channels: channels)
    }

    /// Samples of the mixture that wait for their stems; bounded by one chunk and what is taken before it is added.
    public var waitingSamples: Int { mixture.samples }

    /// Keeps a block of the song until its stems are ready.
    public func takeMixture(_ block: Sound) {
        mixture.append(block)
    }

    /// Takes the next chunk of `Analysis`.
    ///
    /// - Parameter masks: by stem, each as the model gives it: frames, bins, channels, the last fastest, of all `spec.frames` frames,
    ///   `contract.maskSize` values; that of the residual stem is not needed.
    /// - Returns: what is final. Throws `TfsepError.model` for masks that are missing, of another size or not finite.
    public func add(_ chunk: [SpectrumFrame], masks: [String: [Float]]) throws -> StemBlock {
        var parts: [Sound] = []
        for (index, stem) in masked.enumerated() {
            guard let mask = masks[stem], mask.count == contract.maskSize else {
                throw TfsepError.model(
                    "Model \(contract.name) gave no mask of \(contract.maskSize) values for \(stem): use another model.")
            }
            let used = mask[..<(chunk.count * frameSize)]
            guard used.allSatisfy(\.isFinite) else {
                throw TfsepError.model("Model \(contract.name) gives masks for \(stem) that are not finite: use another model.")
            }
            parts.append(sound(of: chunk, masks: faders[index].push(used), istft: istfts[index]))
        }
        tail = Array(chunk[max(0, chunk.count - contract.overlapFrames)...])
        return block(parts)
    }

    /// Returns the rest of the song.
    public func finish() -> StemBlock {
        var parts: [Sound] = []
        for index in masked.indices {
            parts.append(sound(of: tail, masks: faders[index].finish(), istft: istfts[index]))
        }
        tail = []
        return block(parts)
    }

    /// Inverts as many frames as there are masks for.
    private func sound(of frames: [SpectrumFrame], masks: [Float], istft: StreamingIstft) -> Sound {
        var result = Sound.silence(channels: channels)
        masks.withUnsafeBufferPointer { masks in
            for index in 0..<masks.count / frameSize {
                let mask = UnsafeBufferPointer(rebasing: masks[index * frameSize..<(index + 1) * frameSize])
                istft.push(product(frames[index], mask), to: &result)
            }
        }
        return result
    }

    private func product(_ frame: SpectrumFrame, _ mask: UnsafeBufferPointer<Float>) -> SpectrumFrame {
        var result = frame
        let complex = contract.hasComplexMasks
        let stride = contract.maskChannels
        for channel in 0..<channels {
            let offset = channel * frame.bins
            for bin in 0..<frame.bins {
                // the model does not see the Nyquist bin, which takes the mask of the bin below
                let cell = min(bin, spec.modelBins - 1) * stride
                let gain = part(mask, cell: cell, channel: channel)
                let real = frame.real[offset + bin]
                let imaginary = frame.imaginary[offset + bin]
                if complex {
                    let turn = part(mask, cell: cell + spec.channels, channel: channel)
                    result.real[offset + bin] = real * gain - imaginary * turn
                    result.imaginary[offset + bin] = real * turn + imaginary * gain
                } else {
                    result.real[offset + bin] = real * gain
                    result.imaginary[offset + bin] = imaginary * gain
                }
            }
        }
        return result
    }

    /// Of a stereo model's masks a mono song gets the mean; of a mono model's both channels get the same.
    private func part(_ mask: UnsafeBufferPointer<Float>, cell: Int, channel: Int) -> Float {
        if spec.channels == 1 { return mask[cell] }
        if channels == 1 { return (mask[cell] + mask[cell + 1]) / 2 }
        return mask[cell + channel]
    }

    private func block(_ parts: [Sound]) -> StemBlock {
        let ready = min(parts[0].samples, mixture.samples)  // the last frames reach past the song's end
        let own = mixture.slice(0..<ready)
        mixture.removeFirst(ready)
        var rest = own
        let parts = parts.map { $0.samples == ready ? $0 : $0.slice(0..<ready) }
        for part in parts {
            for channel in 0..<channels {
                for index in 0..<ready { rest.channels[channel][index] -= part.channels[channel][index] }
            }
        }
        var stems = Dictionary(uniqueKeysWithValues: zip(masked, parts))
        stems[contract.residualStem] = rest
        return StemBlock(mixture: own, stems: stems)
    }
}
