import Foundation

/// The windows of the transform, each computed in Double and rounded once.
enum Windows {
    /// Periodic Hann.
    static func hann(_ samples: Int) -> [Float] {
        (0..<samples).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(samples))) }
    }

    /// Hann, times 2 / sum(window): a full-scale sine that lies on a bin gets magnitude 1.
    static func analysis(_ spec: SpectrogramSpec) -> [Float] {
        let window = hann(spec.windowSamples)
        let scale = Float(2 / sum(window))
        return window.map { $0 * scale }
    }

    /// What each frame is multiplied with before it is added up: Hann, divided by the sum of the squared windows over a sample and by
    /// the scale of `analysis`. That is the least-squares inverse (Griffin and Lim 1984, eq. 6).
    static func synthesis(_ spec: SpectrogramSpec) -> [Float] {
        let window = hann(spec.windowSamples)
        var overlap = [Double](repeating: 0, count: spec.hopSamples)
        for (index, value) in window.enumerated() {
            overlap[index % spec.hopSamples] += Double(value) * Double(value)
        }
        let scale = sum(window) / 2
        return window.enumerated().map { Float(Double($0.element) / overlap[$0.offset % spec.hopSamples] * scale) }
    }

    private static func sum(_ window: [Float]) -> Double {
        window.reduce(0) { $0 + Double($1) }
    }
}
