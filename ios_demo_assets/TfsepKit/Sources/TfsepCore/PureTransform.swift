import Foundation

/// `RealTransform` in plain Swift: the samples in pairs as complex numbers, a Stockham FFT of half the size, and a last step that
/// parts the two interleaved spectra.
///
/// Stockham's form (radix 2, decimation in frequency) needs no bit reversal: each pass writes to the other of two buffers, in order.
/// Twiddles are computed in Double and rounded once, so that the error stays near that of Float's own rounding.
public final class PureTransform: RealTransform {
    public let size: Int
    private let half: Int
    /// exp(-2 pi i k / half), k = 0 ..< half / 2
    private let passCosines, passSines: FloatMemory
    /// exp(-2 pi i k / size), k = 0 ..< half
    private let partCosines, partSines: FloatMemory
    /// What the passes read and what they write; they change places after each.
    private var read, written: (real: FloatMemory, imaginary: FloatMemory)

    /// - Parameter size: a power of two from 4 on.
    public init(size: Int) {
        precondition(size >= 4 && size & (size - 1) == 0, "size \(size) is not a power of two from 4 on")
        self.size = size
        half = size / 2
        passCosines = FloatMemory((0..<half / 2).map { Float(cos(-2 * Double.pi * Double($0) / Double(size / 2))) })
        passSines = FloatMemory((0..<half / 2).map { Float(sin(-2 * Double.pi * Double($0) / Double(size / 2))) })
        partCosines = FloatMemory((0..<half).map { Float(cos(-2 * Double.pi * Double($0) / Double(size))) })
        partSines = FloatMemory((0..<half).map { Float(sin(-2 * Double.pi * Double($0) / Double(size))) })
        read = (FloatMemory(count: half), FloatMemory(count: half))
        written = (FloatMemory(count: half), FloatMemory(count: half))
    }

    public func forward(
        _ samples: UnsafePointer<Float>, real: UnsafeMutablePointer<Float>, imaginary: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<half {
            read.real[index] = samples[2 * index]
            read.imaginary[index] = samples[2 * index + 1]
        }
        transform()
        let pairReal = read.real.pointer
        let pairImaginary = read.imaginary.pointer
        real[0] = pairReal[0] + pairImaginary[0]
        imaginary[0] = 0
        real[half] = pairReal[0] - pairImaginary[0]
        imaginary[half] = 0
        for bin in 1..<half {
            let mirror = half - bin
            let evenReal = (pairReal[bin] + pairReal[mirror]) * 0.5
            let evenImaginary = (pairImaginary[bin] - pairImaginary[mirror]) * 0.5
            let oddReal = (pairImaginary[bin] + pairImaginary[mirror]) * 0.5
            let oddImaginary = (pairReal[mirror] - pairReal[bin]) * 0.5
            let cosine = partCosines[bin]
            let sine = partSines[bin]
            real[bin] = evenReal + (oddReal * cosine - oddImaginary * sine)
            imaginary[bin] = evenImaginary + (oddReal * sine + oddImaginary * cosine)
        }
    }

    public func inverse(
        real: UnsafePointer<Float>, imaginary: UnsafePointer<Float>, _ samples: UnsafeMutablePointer<Float>
    ) {
        // The inverse is the forward transform with real and imaginary parts exchanged on both sides: they are stored exchanged.
        let pairReal = read.imaginary.pointer
        let pairImaginary = read.real.pointer
        pairReal[0] = (real[0] + real[half]) * 0.5
        pairImaginary[0] = (real[0] - real[half]) * 0.5
        for bin in 1..<half {
            let mirror = half - bin
            let evenReal = (real[bin] + real[mirror]) * 0.5
            let evenImaginary = (imaginary[bin] - imaginary[mirror]) * 0.5
            let turnedReal = (real[bin] - real[mirror]) * 0.5
            let turnedImaginary = (imaginary[bin] + imaginary[mirror]) * 0.5
            let cosine = partCosines[bin]
            let sine = partSines[bin]
            // turned back by exp(+2 pi i bin / size), the conjugate of the table
            let oddReal = turnedReal * cosine + turnedImaginary * sine
            let oddImaginary = turnedImaginary * cosine - turnedReal * sine
            pairReal[bin] = evenReal - oddImaginary
            pairImaginary[bin] = evenImaginary + oddReal
        }
        transform()
        let scale = 1 / Float(half)
        for index in 0..<half {
            samples[2 * index] = read.imaginary[index] * scale
            samples[2 * index + 1] = read.real[index] * scale
        }
    }

    /// Transforms the `half` complex numbers in `read`; the result is in `read` again.
    private func transform() {
        var length = half
        var stride = 1
        while length > 1 {
            pass(length: length, stride: stride)
            swap(&read, &written)
            length /= 2
            stride *= 2
        }
    }

    private func pass(length: Int, stride: Int) {
        let middle = length / 2
        for part in 0..<middle {
            let cosine = passCosines[part * stride]
            let sine = passSines[part * stride]
            let lowReal = read.real.pointer + stride * part
            let lowImaginary = read.imaginary.pointer + stride * part
            let highReal = lowReal + stride * middle
            let highImaginary = lowImaginary + stride * middle
            let evenReal = written.real.pointer + 2 * stride * part
            let evenImaginary = written.imaginary.pointer + 2 * stride * part
            let oddReal = evenReal + stride
            let oddImaginary = evenImaginary + stride
            for offset in 0..<stride {
                let differenceReal = lowReal[offset] - highReal[offset]
                let differenceImaginary = lowImaginary[offset] - highImaginary[offset]
                evenReal[offset] = lowReal[offset] + highReal[offset]
                evenImaginary[offset] = lowImaginary[offset] + highImaginary[offset]
                oddReal[offset] = differenceReal * cosine - differenceImaginary * sine
                oddImaginary[offset] = differenceReal * sine + differenceImaginary * cosine
            }
        }
    }
}
