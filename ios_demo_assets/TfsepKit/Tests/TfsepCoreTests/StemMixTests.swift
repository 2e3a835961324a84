import TfsepCore
import XCTest

final class StemMixTests: XCTestCase {
    private func heard(_ mix: StemMix) -> [Float] { mix.stems.map(mix.heardGain) }

    func testMuteWinsOverSoloAndSoloSilencesTheRest() {
        var mix = StemMix(stems: ["bass", "drums", "vocals"])
        mix.setGain(0.5, of: "drums")
        XCTAssertEqual(heard(mix), [1, 0.5, 1])
        mix.setSoloed(true, of: "drums")
        XCTAssertEqual(heard(mix), [0, 0.5, 0])
        mix.setMuted(true, of: "drums")
        XCTAssertEqual(heard(mix), [0, 0, 0])
        mix.setSoloed(false, of: "drums")
        mix.setMuted(false, of: "drums")
        XCTAssertEqual(heard(mix), [1, 0.5, 1])
    }

    func testKeepOnlyForgetsSolos() {
        var mix = StemMix(stems: ["bass", "drums", "vocals"])
        mix.setSoloed(true, of: "bass")
        mix.keepOnly(["drums"])
        XCTAssertEqual(heard(mix), [0, 1, 0])
    }

    func testUnknownStemsAndGainsThatAreNone() {
        var mix = StemMix(stems: ["drums"])
        mix.setMuted(true, of: "guitar")
        mix.setSoloed(true, of: "guitar")
        mix.setGain(2, of: "guitar")
        mix.setGain(.nan, of: "drums")
        XCTAssertEqual(heard(mix), [1])
        mix.setGain(-1, of: "drums")
        XCTAssertEqual(heard(mix), [0])
    }
}
