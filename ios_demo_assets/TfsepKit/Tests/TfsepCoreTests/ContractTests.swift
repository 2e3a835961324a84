import Foundation
import TfsepCore
import TfsepTestSupport
import XCTest

/// A contract of a tiny geometry, with places where it can be made wrong.
func smallContract(_ changes: [(String, String)] = []) -> String {
    var text = """
        {"contract_version": 1, "kind": "spectrogram", "mask": "real", "name": "small",
         "spec": {"sample_rate_hz": 8000, "window_samples": 128, "hop_samples": 32, "channels": 2, "frames": 12,
                  "feature_gain": 3000.0, "synthesis_samples": null},
         "stems": ["drums", "other"], "input_name": "features", "overlap_frames": 4, "bandwidth_hz": null,
         "tensors": {"inputs": [], "outputs": [], "axes": ["batch", "frames", "bins", "channels"],
                     "output": "mask in [0, 1], the stems' masks sum to 1"},
         "chunk": {"unit": "frames", "length": 12, "overlap": 4,
                   "cross_fade": "sin^2(pi / 2 * (k + 0.5) / overlap) for k = 0 .. overlap - 1"},
         "transform": {"window": "periodic Hann, 0.5 - 0.5 * cos(2 * pi * n / window_samples)", "scale": "2 / sum(window)",
                       "first_frame_starts_at_sample": -96,
                       "bins": "0 .. window_samples / 2 - 1; the Nyquist bin takes the mask of the bin below",
                       "features": "log1p(feature_gain * magnitude)",
                       "inverse": "overlap-add with the window, divided by the sum of its squares"},
         "training": {}}
        """
    for (old, new) in changes {
        precondition(text.contains(old), old)
        text = text.replacingOccurrences(of: old, with: new)
    }
    return text
}

final class ContractTests: XCTestCase {
    func testFields() throws {
        let contract = try ModelContract.decode(Data(smallContract().utf8))
        XCTAssertEqual(contract.spec.bins, 65)
        XCTAssertEqual(contract.spec.modelBins, 64)
        XCTAssertEqual(contract.inputSize, 12 * 64 * 2)
        XCTAssertEqual(contract.residualStem, "other")
        XCTAssertEqual(contract.maskedStems, ["drums"])
        XCTAssertEqual([0, 1, 32, 33, 128].map { contract.spec.frameCount(samples: $0) }, [0, 4, 4, 5, 7])
    }

    func testContractsOfOldSayNothingOfMasks() throws {
        let text = smallContract([(#""mask": "real", "#, ""), (#", "synthesis_samples": null"#, "")])
        XCTAssertFalse(try ModelContract.decode(Data(text.utf8)).hasComplexMasks)
    }

    func testWhatIsRefused() {
        for (old, new, complaint) in [
            (#""contract_version": 1"#, #""contract_version": 2"#, "contract version 2 with real masks"),
            (#""contract_version": 1"#, #""contract_version": 9"#, "contract version 9"),
            (#""mask": "real""#, #""mask": "complex""#, "contract version 1 with complex masks"),
            (#""mask": "real""#, #""mask": "magic""#, "with magic masks"),
            (#""kind": "spectrogram""#, #""kind": "waveform""#, "is of kind waveform"),
            (#""kind": "spectrogram", "#, "", "incomplete or damaged"),
            (#"["drums", "other"]"#, #"["drums"]"#, "two or more"),
            ("128", "100", "a power of two"),
            (#""hop_samples": 32"#, #""hop_samples": 48"#, "a divisor of 128"),
            (#""channels": 2"#, #""channels": 3"#, "1 or 2 are needed"),
            (#""overlap_frames": 4"#, #""overlap_frames": 7"#, "half of the chunk"),
            ("3000.0", "0", "feature_gain 0"),
            (#""synthesis_samples": null"#, #""synthesis_samples": 64"#, "streaming model"),
            ("periodic Hann", "symmetric Hann", "window is \"symmetric Hann"),
            ("-96", "0", "the first frame starts at 0, not -96"),
            ("sin^2", "sin", "the cross-fade is"),
            ("log1p(feature_gain * magnitude)", "magnitude", "features are \"magnitude\""),
            ("mask in [0, 1]", "mask", "its outputs are"),
        ] {
            XCTAssertThrowsError(try ModelContract.decode(Data(smallContract([(old, new)]).utf8)), new) {
                XCTAssertTrue($0.localizedDescription.contains(complaint), "\(complaint) is not in: \($0.localizedDescription)")
            }
        }
    }

    func testModelsBesideThePackageAreTakenAndThoseOfOtherKindsAreNot() throws {
        let golden = try goldenVectors()
        let set = try golden.set("model")
        let models = golden.folder.deletingLastPathComponent().appendingPathComponent("models")
        let found = (try? FileManager.default.contentsOfDirectory(atPath: models.path)) ?? []
        for name in found.sorted() where name.hasSuffix(".json") {
            let json = try Data(contentsOf: models.appendingPathComponent(name))
            if set.files.keys.contains("models/" + name.dropLast(".json".count)) {
                XCTAssertEqual(try ModelContract.decode(json).spec, set.contract.spec)
            } else {
                XCTAssertThrowsError(try ModelContract.decode(json), name)
            }
        }
    }
}
