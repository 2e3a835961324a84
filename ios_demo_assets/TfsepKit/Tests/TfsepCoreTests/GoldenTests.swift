import Foundation
import TfsepCore
import TfsepTestSupport
import XCTest

/// Every stage against what tfsep computed.
final class GoldenTests: XCTestCase {
    func testStft() throws {
        for name in try goldenVectors().names {
            let set = try goldenVectors().set(name)
            let wanted = try set.array("stft")
            let frames = try spectra(set, blockSamples: 1000)
            XCTAssertEqual(frames.count, wanted.shape[0])
            var found: [Float] = []
            for frame in frames {
                for bin in 0..<frame.bins {
                    for channel in 0..<frame.channels {
                        found.append(frame.real[channel * frame.bins + bin])
                        found.append(frame.imaginary[channel * frame.bins + bin])
                    }
                }
            }
            XCTAssertEqual(found.count, wanted.values.count)
            let difference = largestDifference(found, wanted.values)
            print("\(name): STFT differs by \(difference) at most, \(wanted.tolerance) allowed")
            XCTAssertLessThanOrEqual(difference, wanted.tolerance)
        }
    }

    func testFeatures() throws {
        for name in try goldenVectors().names {
            let set = try goldenVectors().set(name)
            let wanted = try set.array("features")
            let frames = try spectra(set, blockSamples: 999)
            let contract = set.contract
            let analysis = Analysis(contract: contract, channels: contract.spec.channels)
            let frameSize = contract.spec.modelBins * contract.inputChannels
            var tensor = [Float](repeating: .nan, count: contract.inputSize)
            var start = 0
            while start < frames.count {
                let chunk = Array(frames[start..<min(start + contract.spec.frames, frames.count)])
                tensor.withUnsafeMutableBufferPointer { analysis.writeFeatures(of: chunk, to: $0) }
                let part = Array(wanted.values[start * frameSize..<(start + chunk.count) * frameSize])
                XCTAssertLessThanOrEqual(largestDifference(Array(tensor[..<part.count]), part), wanted.tolerance, name)
                XCTAssertTrue(tensor[part.count...].allSatisfy { $0 == 0 }, "the rest is silence")
                start += contract.spec.frames
            }
        }
    }

    func testStemsForBlocksOfAnyLength() throws {
        for name in try goldenVectors().names {
            let set = try goldenVectors().set(name)
            let wanted = try set.stems()
            let tolerance = try set.array("stems").tolerance
            for blockSamples in [37, 1024, 1_000_000] {
                var chunk = 0
                let found = try separated(set.input(), contract: set.contract, blockSamples: blockSamples) { _ in
                    defer { chunk += 1 }
                    return try set.masks(ofChunk: chunk)
                }
                XCTAssertEqual(chunk, try set.array("masks").shape[0], "chunks")
                XCTAssertEqual(found.stems.keys.sorted(), wanted.keys.sorted())
                var most: Float = 0
                for (stem, sound) in wanted {
                    for (channel, values) in sound.channels.enumerated() {
                        let own = try XCTUnwrap(found.stems[stem]).channels[channel]
                        XCTAssertEqual(own.count, values.count)
                        most = max(most, largestDifference(own, values))
                    }
                }
                print("\(name): stems differ by \(most) at most, \(tolerance) allowed")
                XCTAssertLessThanOrEqual(most, tolerance)
                XCTAssertEqual(found.mixture, try set.input())
            }
        }
    }

    private func spectra(_ set: GoldenSet, blockSamples: Int) throws -> [SpectrumFrame] {
        let song = try set.input()
        let stft = StreamingStft(spec: set.contract.spec, channels: song.channels.count, transform: PureTransform.init)
        var frames: [SpectrumFrame] = []
        for start in stride(from: 0, to: song.samples, by: blockSamples) {
            frames += stft.push(song.slice(start..<min(start + blockSamples, song.samples)))
        }
        return frames + stft.finish()
    }
}
