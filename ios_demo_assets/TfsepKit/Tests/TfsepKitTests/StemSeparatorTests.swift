import AVFoundation
import TfsepCore
import TfsepKit
import TfsepTestSupport
import XCTest

/// The model that lies beside the package, on the machine that runs the test.
final class StemSeparatorTests: XCTestCase {
    private let file = "models/tfsep-int8.mlpackage"

    private func separator() async throws -> StemSeparator {
        let url = try goldenVectors().folder.deletingLastPathComponent().appendingPathComponent(file)
        try XCTSkipUnless(FileManager.default.fileExists(atPath: url.path), "there is no \(file): make it with tfsep-export ios-demo")
        return try await StemSeparator.load(contentsOf: url)
    }

    func testTheModelIsTheTrainedOne() async throws {
        let (stemsDb, floorDb) = try await separator().distance(from: goldenVectors().set("model"), file: file)
        print("\(file): stems \(stemsDb) dB from the trained model")
        XCTAssertGreaterThanOrEqual(stemsDb, try XCTUnwrap(floorDb))
    }

    func testAFileBecomesStemsOfItsLengthThatSumToIt() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let separator = try await separator()
        let rate = Double(separator.contract.spec.sampleRateHz)
        let samples = noise(2 * Int(rate)).map { $0 / 4 }
        let song = folder.appendingPathComponent("song.caf")
        try write(samples, to: song, rate: rate)
        let stems = try await separator.separate(song, into: folder.appendingPathComponent("stems"))
        XCTAssertEqual(stems.keys.sorted(), separator.contract.stems.sorted())
        var sum = [Float](repeating: 0, count: samples.count)
        for url in stems.values {
            let file = try AVAudioFile(forReading: url)
            XCTAssertEqual(Int(file.length), samples.count)
            let buffer = try XCTUnwrap(AVAudioPCMBuffer(pcmFormat: file.processingFormat, frameCapacity: AVAudioFrameCount(file.length)))
            try file.read(into: buffer)
            for index in sum.indices { sum[index] += buffer.floatChannelData![0][index] }
        }
        XCTAssertLessThan(largestDifference(sum, samples), 1e-6)
    }

    func testACancelledTaskLeavesNoStems() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let separator = try await separator()
        let song = folder.appendingPathComponent("song.caf")
        try write(noise(441_000), to: song, rate: Double(separator.contract.spec.sampleRateHz))
        let stems = folder.appendingPathComponent("stems")
        let task = Task { try await separator.separate(song, into: stems) }
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("it went on")
        } catch is CancellationError {
            XCTAssertFalse(FileManager.default.fileExists(atPath: stems.path))
        }
    }

    /// Writes one channel of Float; the file is closed when this returns.
    private func write(_ samples: [Float], to url: URL, rate: Double) throws {
        let format = try XCTUnwrap(AVAudioFormat(standardFormatWithSampleRate: rate, channels: 1))
        let file = try AVAudioFile(forWriting: url, settings: format.settings)
        let buffer = try XCTUnwrap(AVAudioPCMBuffer(pcmFormat: format, frameCapacity: AVAudioFrameCount(samples.count)))
        buffer.frameLength = AVAudioFrameCount(samples.count)
        buffer.floatChannelData![0].update(from: samples, count: samples.count)
        try file.write(from: buffer)
    }
}
