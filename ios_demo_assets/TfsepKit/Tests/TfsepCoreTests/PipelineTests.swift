import Foundation
import TfsepCore
import TfsepTestSupport
import XCTest

/// Properties that hold whatever the model says.
final class PipelineTests: XCTestCase {
    private let contract = try! ModelContract.decode(Data(smallContract().utf8))

    /// Masks of noise that sum to one, another for each chunk.
    private func randomMasks() -> ([Float]) -> [String: [Float]] {
        var seed: UInt64 = 7
        return { _ in
            seed += 1
            let drums = noise(self.contract.maskSize, seed: seed).map { ($0 + 1) / 2 }
            return ["drums": drums, "other": drums.map { 1 - $0 }]
        }
    }

    private func song(_ samples: Int, channels: Int = 2) -> Sound {
        Sound(channels: (0..<channels).map { noise(samples, seed: UInt64($0 + 1)) })
    }

    func testStemsSumToTheMixtureAndAreAsLong() throws {
        for samples in [1, 31, 32, 33, 95, 96, 97, 352, 353, 1000, 5000] {
            for channels in [1, 2] {
                let whole = song(samples, channels: channels)
                let found = try separated(whole, contract: contract, blockSamples: 100, predict: randomMasks())
                XCTAssertEqual(found.mixture, whole)
                for channel in 0..<channels {
                    let sum = zip(found.stems["drums"]!.channels[channel], found.stems["other"]!.channels[channel]).map { $0 + $1 }
                    XCTAssertEqual(sum.count, samples)
                    XCTAssertLessThan(largestDifference(sum, whole.channels[channel]), 1e-6)
                }
            }
        }
    }

    func testMasksOfOneGiveTheMixture() throws {
        let ones = [Float](repeating: 1, count: contract.maskSize)
        for channels in [1, 2] {
            let whole = song(3000, channels: channels)
            let found = try separated(whole, contract: contract, blockSamples: 512) { _ in ["drums": ones] }
            for channel in 0..<channels {
                XCTAssertLessThan(largestDifference(found.stems["drums"]!.channels[channel], whole.channels[channel]), 2e-6)
                XCTAssertLessThan(largestDifference(found.stems["other"]!.channels[channel], whole.channels[channel].map { _ in 0 }), 2e-6)
            }
        }
    }

    func testAMonoSongInAStereoModelSeesItselfTwice() throws {
        var features: [Float] = []
        _ = try separated(song(200, channels: 1), contract: contract, blockSamples: 200) {
            features = $0
            return ["drums": $0.map { _ in 0 }]
        }
        for index in Swift.stride(from: 0, to: features.count, by: 2) { XCTAssertEqual(features[index], features[index + 1]) }
        XCTAssertGreaterThan(features.max()!, 1)
    }

    func testNoSoundGivesNone() throws {
        let found = try separated(.silence(channels: 2), contract: contract, blockSamples: 10) { _ in
            XCTFail("there is no chunk")
            return [:]
        }
        XCTAssertEqual(found.mixture.samples, 0)
    }

    func testWhatWaitsIsLessThanAChunkHoweverLongTheSong() throws {
        let chunk = (contract.spec.frames + contract.overlapFrames) * contract.spec.hopSamples + contract.spec.windowSamples
        for samples in [5000, 50_000] {
            let found = try separated(song(samples), contract: contract, blockSamples: 64, predict: randomMasks())
            XCTAssertLessThan(found.mostWaiting, chunk)
        }
    }

    func testMasksThatAreNone() throws {
        for (masks, complaint) in [
            ([:], "gave no mask of"),
            (["drums": [Float](repeating: 0, count: 5)], "gave no mask of"),
            (["drums": [Float](repeating: .nan, count: contract.maskSize)], "not finite"),
        ] {
            XCTAssertThrowsError(try separated(song(100), contract: contract, blockSamples: 100) { _ in masks }) {
                XCTAssertTrue($0.localizedDescription.contains(complaint), $0.localizedDescription)
            }
        }
    }
}
