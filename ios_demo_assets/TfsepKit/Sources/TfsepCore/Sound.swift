/// A stretch of sound, full scale 1, one array for each channel; all of one length.
public struct Sound: Equatable, Sendable {
    public var channels: [[Float]]

    public init(channels: [[Float]]) {
        precondition(Set(channels.map(\.count)).count <= 1, "the channels differ in length")
        self.channels = channels
    }

    public static func silence(channels: Int, samples: Int = 0) -> Sound {
        Sound(channels: Array(repeating: [Float](repeating: 0, count: samples), count: channels))
    }

    /// Samples of each channel.
    public var samples: Int { channels.first?.count ?? 0 }

    public func slice(_ range: Range<Int>) -> Sound {
        Sound(channels: channels.map { Array($0[range]) })
    }

    public mutating func append(_ other: Sound) {
        precondition(channels.count == other.channels.count, "\(other.channels.count) channels after \(channels.count)")
        for index in channels.indices { channels[index].append(contentsOf: other.channels[index]) }
    }

    mutating func removeFirst(_ samples: Int) {
        for index in channels.indices { channels[index].removeFirst(samples) }
    }
}

/// A stretch of the song: the mixture and its stems by name.
public struct StemBlock: Sendable {
    public let mixture: Sound
    public let stems: [String: Sound]
}

/// One frame of the transform: for each channel `bins` complex numbers, channel after channel.
public struct SpectrumFrame: Equatable, Sendable {
    public let bins: Int
    public let channels: Int
    public var real: [Float]
    public var imaginary: [Float]

    public init(bins: Int, channels: Int) {
        self.bins = bins
        self.channels = channels
        real = [Float](repeating: 0, count: bins * channels)
        imaginary = real
    }
}
