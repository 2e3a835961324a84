/// The short-time Fourier transform of a signal that arrives in blocks: the frames are the same whatever the blocks.
///
/// Frame `k` starts `window - hop` samples before sample `k * hop`; what lies outside the signal is zero.
public final class StreamingStft {
    private let spec: SpectrogramSpec
    private let channels: Int
    private let transform: any RealTransform
    private let window: FloatMemory
    private let frame: FloatMemory
    private var pending: Sound
    private var samples = 0
    private var frames = 0

    public init(spec: SpectrogramSpec, channels: Int, transform: TransformMaker) {
        self.spec = spec
        self.channels = channels
        self.transform = transform(spec.windowSamples)
        window = FloatMemory(Windows.analysis(spec))
        frame = FloatMemory(count: spec.windowSamples)
        pending = .silence(channels: channels, samples: spec.leadSamples)
    }

    /// Takes a block; returns the frames that it completes.
    public func push(_ block: Sound) -> [SpectrumFrame] {
        samples += block.samples
        pending.append(block)
        let waiting = pending.samples
        return take(waiting < spec.windowSamples ? 0 : (waiting - spec.windowSamples) / spec.hopSamples + 1)
    }

    /// Returns the frames that reach past the end of the signal.
    public func finish() -> [SpectrumFrame] {
        let missing = max(0, spec.frameCount(samples: samples) - frames)
        if missing > 0 {
            let needed = (missing - 1) * spec.hopSamples + spec.windowSamples - pending.samples
            pending.append(.silence(channels: channels, samples: max(0, needed)))
        }
        return take(missing)
    }

    private func take(_ count: Int) -> [SpectrumFrame] {
        guard count > 0 else { return [] }
        let found = (0..<count).map { spectrum(at: $0 * spec.hopSamples) }
        pending.removeFirst(count * spec.hopSamples)
        frames += count
        return found
    }

    private func spectrum(at start: Int) -> SpectrumFrame {
        var result = SpectrumFrame(bins: spec.bins, channels: channels)
        for channel in 0..<channels {
            pending.channels[channel].withUnsafeBufferPointer { signal in
                for index in 0..<spec.windowSamples { frame[index] = signal[start + index] * window[index] }
            }
            let offset = channel * spec.bins
            result.real.withUnsafeMutableBufferPointer { real in
                result.imaginary.withUnsafeMutableBufferPointer { imaginary in
                    transform.forward(
                        frame.pointer, real: real.baseAddress! + offset, imaginary: imaginary.baseAddress! + offset)
                }
            }
        }
        return result
    }
}

/// The inverse of `StreamingStft`, frame by frame: each completes one hop of samples.
public final class StreamingIstft {
    private let spec: SpectrogramSpec
    private let transform: any RealTransform
    private let window: FloatMemory
    private let frame: FloatMemory
    /// For each channel, what the frames so far have left in the samples that later ones add to.
    private let sums: [FloatMemory]
    /// Samples before the signal, still to be left out.
    private var lead: Int

    public init(spec: SpectrogramSpec, channels: Int, transform: TransformMaker) {
        self.spec = spec
        self.transform = transform(spec.windowSamples)
        window = FloatMemory(Windows.synthesis(spec))
        frame = FloatMemory(count: spec.windowSamples)
        sums = (0..<channels).map { _ in FloatMemory(count: spec.windowSamples) }
        lead = spec.leadSamples
    }

    /// Takes a frame; appends to `sound` the samples that no later frame will change.
    public func push(_ spectrum: SpectrumFrame, to sound: inout Sound) {
        let skipped = min(lead, spec.hopSamples)
        lead -= skipped
        for (channel, sum) in sums.enumerated() {
            let offset = channel * spec.bins
            spectrum.real.withUnsafeBufferPointer { real in
                spectrum.imaginary.withUnsafeBufferPointer { imaginary in
                    transform.inverse(
                        real: real.baseAddress! + offset, imaginary: imaginary.baseAddress! + offset, frame.pointer)
                }
            }
            for index in 0..<spec.windowSamples { sum[index] += frame[index] * window[index] }
            let ready = UnsafeBufferPointer(start: sum.pointer + skipped, count: spec.hopSamples - skipped)
            sound.channels[channel].append(contentsOf: ready)
            let kept = spec.leadSamples
            for index in 0..<kept { sum[index] = sum[index + spec.hopSamples] }
            for index in kept..<spec.windowSamples { sum[index] = 0 }
        }
    }
}
