import TfsepCore
import TfsepKit
import TfsepTestSupport
import XCTest

/// vDSP against the transform in plain Swift, bin for bin and through a whole separation.
final class VDSPTransformTests: XCTestCase {
    func testForwardAndInverse() {
        for size in [8, 128, 4096] {
            let samples = noise(size)
            let pure = PureTransform(size: size)
            let fast = VDSPTransform(size: size)
            let scale = Float(size).squareRoot()
            let (wantedReal, wantedImaginary) = forward(pure, samples)
            let (real, imaginary) = forward(fast, samples)
            XCTAssertLessThan(largestDifference(real, wantedReal), 1e-6 * scale, "size \(size)")
            XCTAssertLessThan(largestDifference(imaginary, wantedImaginary), 1e-6 * scale, "size \(size)")
            XCTAssertEqual(imaginary[0], 0)
            XCTAssertEqual(imaginary[size / 2], 0)
            var back = [Float](repeating: .nan, count: size)
            fast.inverse(real: wantedReal, imaginary: wantedImaginary, &back)
            XCTAssertLessThan(largestDifference(back, samples), 1e-6, "size \(size)")
        }
    }

    func testANyquistToneAndAConstantKeepTheirBins() {
        let (real, _) = forward(VDSPTransform(size: 16), (0..<16).map { $0 % 2 == 0 ? 3 : 1 })
        XCTAssertEqual(real[0], 32, accuracy: 1e-5)
        XCTAssertEqual(real[8], 16, accuracy: 1e-5)
        XCTAssertEqual(real[1...7].map(abs).max()!, 0, accuracy: 1e-5)
    }

    func testGoldenStems() throws {
        for name in try goldenVectors().names {
            let set = try goldenVectors().set(name)
            var chunk = 0
            let found = try separated(
                set.input(), contract: set.contract, blockSamples: 1000, transform: { VDSPTransform(size: $0) }
            ) { _ in
                defer { chunk += 1 }
                return try set.masks(ofChunk: chunk)
            }
            let tolerance = try set.array("stems").tolerance
            for (stem, sound) in try set.stems() {
                for (channel, values) in sound.channels.enumerated() {
                    XCTAssertLessThanOrEqual(largestDifference(found.stems[stem]!.channels[channel], values), tolerance, stem)
                }
            }
        }
    }

    private func forward(_ transform: any RealTransform, _ samples: [Float]) -> ([Float], [Float]) {
        var real = [Float](repeating: .nan, count: samples.count / 2 + 1)
        var imaginary = real
        transform.forward(samples, real: &real, imaginary: &imaginary)
        return (real, imaginary)
    }
}
