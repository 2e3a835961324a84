import AVFoundation
import TfsepCore

/// Writes stems as they become ready, 32-bit float in `.caf`: no clipping, and no limit of 4 GB.
///
/// They lie in a temporary folder until `finish`, so that the target folder holds whole stems or none.
final class StemFiles {
    private let temporary: URL
    private let format: AVAudioFormat
    private var files: [String: AVAudioFile] = [:]
    private var finished = false

    init(stems: [String], sampleRateHz: Int, channels: Int, near folder: URL) throws {
        let manager = FileManager.default
        var existing = folder
        while !manager.fileExists(atPath: existing.path), existing.path != "/" { existing.deleteLastPathComponent() }
        // on the volume of the target, so that finishing needs only a rename
        temporary = try manager.url(for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: existing, create: true)
        guard
            let format = AVAudioFormat(standardFormatWithSampleRate: Double(sampleRateHz), channels: AVAudioChannelCount(channels))
        else {
            throw TfsepError.audio("There is no format of \(sampleRateHz) Hz and \(channels) channels.")
        }
        self.format = format
        let settings: [String: Any] = [
            AVFormatIDKey: kAudioFormatLinearPCM,
            AVSampleRateKey: Double(sampleRateHz),
            AVNumberOfChannelsKey: channels,
            AVLinearPCMBitDepthKey: 32,
            AVLinearPCMIsFloatKey: true,
            AVLinearPCMIsBigEndianKey: false,
            AVLinearPCMIsNonInterleaved: false,
        ]
        for stem in stems {
            files[stem] = try AVAudioFile(
                forWriting: temporary.appendingPathComponent("\(stem).caf"), settings: settings, commonFormat: .pcmFormatFloat32,
                interleaved: false)
        }
    }

    deinit {
        if !finished {
            files = [:]
            try? FileManager.default.removeItem(at: temporary)
        }
    }

    func write(_ block: StemBlock) throws {
        let samples = block.mixture.samples
        guard samples > 0 else { return }
        guard let buffer = AVAudioPCMBuffer(pcmFormat: format, frameCapacity: AVAudioFrameCount(samples)),
            let target = buffer.floatChannelData
        else {
            throw TfsepError.audio("There is no memory for \(samples) samples.")
        }
        buffer.frameLength = AVAudioFrameCount(samples)
        for (stem, sound) in block.stems {
            for (channel, values) in sound.channels.enumerated() {
                target[channel].update(from: values, count: samples)
            }
            try files[stem]?.write(from: buffer)
        }
    }

    /// Moves the files into `folder`, replacing those of the same names; returns where they are, by stem.
    func finish(in folder: URL) throws -> [String: URL] {
        let manager = FileManager.default
        let stems = files.keys.sorted()
        files = [:]  // closes them
        try manager.createDirectory(at: folder, withIntermediateDirectories: true)
        var written: [String: URL] = [:]
        for stem in stems {
            let target = folder.appendingPathComponent("\(stem).caf")
            if manager.fileExists(atPath: target.path) { try manager.removeItem(at: target) }
            try manager.moveItem(at: temporary.appendingPathComponent("\(stem).caf"), to: target)
            written[stem] = target
        }
        finished = true
        try? manager.removeItem(at: temporary)
        return written
    }
}
