import Foundation
import TfsepCore
import TfsepTestSupport
import XCTest

final class TransformTests: XCTestCase {
    func testForwardIsThePlainSum() {
        for size in [4, 8, 64, 256] {
            let samples = noise(size)
            let (real, imaginary) = forward(samples)
            for bin in 0...size / 2 {
                var sum = (real: 0.0, imaginary: 0.0)
                for (index, value) in samples.enumerated() {
                    let angle = -2 * Double.pi * Double(index * bin % size) / Double(size)
                    sum.real += Double(value) * cos(angle)
                    sum.imaginary += Double(value) * sin(angle)
                }
                XCTAssertEqual(Double(real[bin]), sum.real, accuracy: 2e-5, "size \(size), bin \(bin)")
                XCTAssertEqual(Double(imaginary[bin]), sum.imaginary, accuracy: 2e-5, "size \(size), bin \(bin)")
            }
        }
    }

    func testInverseUndoesForward() {
        for size in [4, 512, 4096] {
            let samples = noise(size)
            let (real, imaginary) = forward(samples)
            var back = [Float](repeating: 0, count: size)
            PureTransform(size: size).inverse(real: real, imaginary: imaginary, &back)
            XCTAssertLessThan(largestDifference(back, samples), 1e-6)
        }
    }

    func testInverseDoesNotReadImaginaryPartsThatMustBeZero() {
        var (real, imaginary) = forward(noise(64))
        var first = [Float](repeating: 0, count: 64)
        PureTransform(size: 64).inverse(real: real, imaginary: imaginary, &first)
        imaginary[0] = 7
        imaginary[32] = 7
        var second = [Float](repeating: 0, count: 64)
        PureTransform(size: 64).inverse(real: real, imaginary: imaginary, &second)
        XCTAssertEqual(first, second)
        real[3] += 1
        PureTransform(size: 64).inverse(real: real, imaginary: imaginary, &second)
        XCTAssertNotEqual(first, second)
    }

    private func forward(_ samples: [Float]) -> ([Float], [Float]) {
        var real = [Float](repeating: .nan, count: samples.count / 2 + 1)
        var imaginary = real
        PureTransform(size: samples.count).forward(samples, real: &real, imaginary: &imaginary)
        return (real, imaginary)
    }
}
