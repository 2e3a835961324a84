/// A discrete Fourier transform of real numbers with the usual scale: forward a plain sum, inverse divided by the size.
///
/// Bins go from 0 to size / 2, both included, in two arrays; the imaginary parts of the first and the last are zero, and `inverse`
/// does not read them. An instance owns scratch memory: use it from one thread at a time.
public protocol RealTransform: AnyObject {
    /// Of the signal, a power of two.
    var size: Int { get }

    /// `size` samples to `size / 2 + 1` bins.
    func forward(
        _ samples: UnsafePointer<Float>, real: UnsafeMutablePointer<Float>, imaginary: UnsafeMutablePointer<Float>)

    /// `size / 2 + 1` bins to `size` samples.
    func inverse(
        real: UnsafePointer<Float>, imaginary: UnsafePointer<Float>, _ samples: UnsafeMutablePointer<Float>)
}

/// Makes a transform of a size; every stream needs its own.
public typealias TransformMaker = (_ size: Int) -> any RealTransform
