import Accelerate
import TfsepCore

/// `RealTransform` by vDSP, several times as fast as the one in plain Swift.
///
/// vDSP's real transform has two habits that this undoes: forward it gives twice the usual sum and inverse `size` times the usual
/// signal, and it packs the real part of the Nyquist bin where the imaginary part of bin 0 would be.
public final class VDSPTransform: RealTransform {
    public let size: Int
    private let half: Int
    private let exponent: vDSP_Length
    private let setup: FFTSetup
    /// What the split complex below points to; its address must outlive every call.
    private let real, imaginary: FloatMemory

    /// - Parameter size: a power of two from 8 on.
    public init(size: Int) {
        precondition(size >= 8 && size & (size - 1) == 0, "size \(size) is not a power of two from 8 on")
        self.size = size
        half = size / 2
        exponent = vDSP_Length(size.trailingZeroBitCount)
        guard let setup = vDSP_create_fftsetup(exponent, FFTRadix(kFFTRadix2)) else {
            fatalError("no memory for the tables of a transform of \(size)")
        }
        self.setup = setup
        real = FloatMemory(count: size / 2)
        imaginary = FloatMemory(count: size / 2)
    }

    deinit {
        vDSP_destroy_fftsetup(setup)
    }

    public func forward(
        _ samples: UnsafePointer<Float>, real: UnsafeMutablePointer<Float>, imaginary: UnsafeMutablePointer<Float>
    ) {
        var split = DSPSplitComplex(realp: self.real.pointer, imagp: self.imaginary.pointer)
        samples.withMemoryRebound(to: DSPComplex.self, capacity: half) { pairs in
            vDSP_ctoz(pairs, 2, &split, 1, vDSP_Length(half))
        }
        vDSP_fft_zrip(setup, &split, 1, exponent, FFTDirection(kFFTDirection_Forward))
        var scale: Float = 0.5
        vDSP_vsmul(split.realp, 1, &scale, real, 1, vDSP_Length(half))
        vDSP_vsmul(split.imagp, 1, &scale, imaginary, 1, vDSP_Length(half))
        real[half] = imaginary[0]
        imaginary[half] = 0
        imaginary[0] = 0
    }

    public func inverse(
        real: UnsafePointer<Float>, imaginary: UnsafePointer<Float>, _ samples: UnsafeMutablePointer<Float>
    ) {
        var split = DSPSplitComplex(realp: self.real.pointer, imagp: self.imaginary.pointer)
        var scale = 1 / Float(size)
        vDSP_vsmul(real, 1, &scale, split.realp, 1, vDSP_Length(half))
        vDSP_vsmul(imaginary, 1, &scale, split.imagp, 1, vDSP_Length(half))
        split.imagp[0] = real[half] * scale
        vDSP_fft_zrip(setup, &split, 1, exponent, FFTDirection(kFFTDirection_Inverse))
        samples.withMemoryRebound(to: DSPComplex.self, capacity: half) { pairs in
            vDSP_ztoc(&split, 1, pairs, 2, vDSP_Length(half))
        }
    }
}
