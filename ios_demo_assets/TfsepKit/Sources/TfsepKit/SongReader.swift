import AVFoundation
import TfsepCore

/// Reads an audio file in blocks, converted to the model's sample rate; memory does not depend on its length.
final class SongReader {
    let channels: Int
    private let file: AVAudioFile
    private let converter: AVAudioConverter?
    private let target: AVAudioFormat
    private let blockSamples: AVAudioFrameCount
    /// Whether nothing more comes out.
    private var ended = false

    /// Throws `TfsepError.audio` for more than two channels.
    init(_ url: URL, sampleRateHz: Int, blockSamples: Int) throws {
        file = try AVAudioFile(forReading: url)
        let format = file.processingFormat  // Float, one buffer for each channel
        channels = Int(format.channelCount)
        guard channels == 1 || channels == 2 else {
            throw TfsepError.audio("\(url.lastPathComponent): has \(channels) channels, mono and stereo are taken: mix it down first.")
        }
        guard
            let target = AVAudioFormat(standardFormatWithSampleRate: Double(sampleRateHz), channels: format.channelCount)
        else {
            throw TfsepError.audio("\(url.lastPathComponent): cannot be converted to \(sampleRateHz) Hz.")
        }
        self.target = target
        self.blockSamples = AVAudioFrameCount(blockSamples)
        if format.sampleRate == target.sampleRate {
            converter = nil
        } else {
            guard let made = AVAudioConverter(from: format, to: target) else {
                throw TfsepError.audio("\(url.lastPathComponent): \(format.sampleRate) Hz cannot be converted to \(sampleRateHz) Hz.")
            }
            made.sampleRateConverterQuality = AVAudioQuality.max.rawValue
            converter = made
        }
    }

    /// How much of the file has been read, 0 to 1.
    var progress: Double {
        file.length == 0 ? 1 : Double(file.framePosition) / Double(file.length)
    }

    /// Returns the next block, nil after the last. Throws what AVFoundation says of a damaged file.
    func next() throws -> Sound? {
        while !ended {
            let block: AVAudioPCMBuffer?
            if let converter {
                block = try converted(by: converter)
            } else {
                block = try read()
                ended = block == nil
            }
            if let block, block.frameLength > 0 { return Self.sound(block) }
        }
        return nil
    }

    /// Reads a block as it is; nil at the end.
    private func read() throws -> AVAudioPCMBuffer? {
        guard file.framePosition < file.length else { return nil }
        let buffer = try emptyBuffer(file.processingFormat)
        try file.read(into: buffer, frameCount: blockSamples)
        return buffer.frameLength > 0 ? buffer : nil
    }

    private func emptyBuffer(_ format: AVAudioFormat) throws -> AVAudioPCMBuffer {
        guard let buffer = AVAudioPCMBuffer(pcmFormat: format, frameCapacity: blockSamples) else {
            throw TfsepError.audio("There is no memory for \(blockSamples) samples.")
        }
        return buffer
    }

    private func converted(by converter: AVAudioConverter) throws -> AVAudioPCMBuffer? {
        let output = try emptyBuffer(target)
        var readError: Error?
        var conversionError: NSError?
        let status = converter.convert(to: output, error: &conversionError) { [self] _, inputStatus in
            do {
                if let input = try read() {
                    inputStatus.pointee = .haveData
                    return input
                }
            } catch {
                readError = error
            }
            inputStatus.pointee = .endOfStream
            return nil
        }
        if let readError { throw readError }
        switch status {
        case .haveData: break
        case .inputRanDry, .endOfStream: ended = true  // what the converter still held is in the output
        case .error: throw conversionError ?? TfsepError.audio("The file cannot be converted.")
        @unknown default: throw TfsepError.audio("The file cannot be converted.")
        }
        return output
    }

    private static func sound(_ buffer: AVAudioPCMBuffer) -> Sound {
        let samples = Int(buffer.frameLength)
        guard let channels = buffer.floatChannelData else { return .silence(channels: Int(buffer.format.channelCount)) }
        return Sound(channels: (0..<Int(buffer.format.channelCount)).map {
            Array(UnsafeBufferPointer(start: channels[$0], count: samples))
        })
    }
}
