import Foundation

/// Golden vectors, `golden/golden.json` and the raw files beside it: what each stage of a separation must give. Apps may carry the
/// folder and check on the device itself.
public struct GoldenVectors {
    public let folder: URL
    private let index: Index

    private struct Index: Decodable {
        let version: Int
        let sets: [String: Described]
        enum CodingKeys: String, CodingKey {
            case version = "golden_version"
            case sets
        }
    }

    private struct Described: Decodable {
        let contract: ModelContract
        let arrays: [String: DescribedArray]
        let files: [String: [String: Double]]?
    }

    private struct DescribedArray: Decodable {
        let file: String
        let shape: [Int]
        let tolerance: Float?
    }

    /// - Parameter folder: that holds `golden.json`.
    public init(folder: URL) throws {
        self.folder = folder
        index = try JSONDecoder().decode(Index.self, from: Data(contentsOf: folder.appendingPathComponent("golden.json")))
        guard index.version == 1 else {
            throw TfsepError.model("\(folder.path): golden vectors of version \(index.version), this package reads 1.")
        }
    }

    public var names: [String] { index.sets.keys.sorted() }

    /// Reads one set. Throws `TfsepError.model` if it is not there or a file has another length than its shape.
    public func set(_ name: String) throws -> GoldenSet {
        guard let described = index.sets[name] else {
            throw TfsepError.model("\(folder.path): holds no golden vectors \(name), but \(names.joined(separator: ", ")).")
        }
        let contract = try described.contract.checked()
        let arrays = try described.arrays.mapValues { array in
            GoldenArray(shape: array.shape, values: try floats(array), tolerance: array.tolerance ?? 0)
        }
        return GoldenSet(contract: contract, arrays: arrays, files: described.files ?? [:])
    }

    private func floats(_ array: DescribedArray) throws -> [Float] {
        let bytes = try Data(contentsOf: folder.appendingPathComponent(array.file))
        let count = array.shape.reduce(1, *)
        guard bytes.count == 4 * count else {
            throw TfsepError.model("\(array.file): has \(bytes.count) bytes, \(4 * count) are promised: copy it again.")
        }
        return bytes.withUnsafeBytes { raw in
            (0..<count).map { Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))) }
        }
    }
}

/// One set of golden vectors.
public struct GoldenSet {
    public let contract: ModelContract
    /// By name: input, stft, features, masks, stems.
    public let arrays: [String: GoldenArray]
    /// By model file: how far its masks and stems were from these in dB, and the floor for a device.
    public let files: [String: [String: Double]]

    public func array(_ name: String) throws -> GoldenArray {
        guard let array = arrays[name] else { throw TfsepError.model("The golden vectors hold no \(name).") }
        return array
    }

    /// The input as sound.
    public func input() throws -> Sound {
        let array = try array("input")
        return Sound(channels: (0..<array.shape[1]).map { channel in
            (0..<array.shape[0]).map { array.values[$0 * array.shape[1] + channel] }
        })
    }

    /// The stems by name.
    public func stems() throws -> [String: Sound] {
        let array = try array("stems")
        let (samples, channels) = (array.shape[1], array.shape[2])
        var result: [String: Sound] = [:]
        for (index, stem) in contract.stems.enumerated() {
            result[stem] = Sound(channels: (0..<channels).map { channel in
                (0..<samples).map { array.values[(index * samples + $0) * channels + channel] }
            })
        }
        return result
    }

    /// What the model gives for a chunk, by stem, filled up with zeros to the length of a whole chunk.
    public func masks(ofChunk chunk: Int) throws -> [String: [Float]] {
        let array = try array("masks")
        let size = array.shape[2...].reduce(1, *)
        var result: [String: [Float]] = [:]
        for (index, stem) in contract.stems.enumerated() {
            let start = (chunk * contract.stems.count + index) * size
            var mask = Array(array.values[start..<start + size])
            mask.append(contentsOf: repeatElement(0, count: contract.maskSize - size))
            result[stem] = mask
        }
        return result
    }
}

/// Values with their shape, the last axis fastest.
public struct GoldenArray {
    public let shape: [Int]
    public let values: [Float]
    /// The largest difference that an implementation in Float may have.
    public let tolerance: Float
}

/// 10 log10 of the energy of `wanted` over that of its difference from `found`, 300 at most: how golden vectors are compared.
public func distanceDb(_ found: [String: Sound], _ wanted: [String: Sound]) -> Double {
    var signal = 0.0
    var noise = 0.0
    for (name, sound) in wanted {
        for (channel, values) in sound.channels.enumerated() {
            for (index, value) in values.enumerated() {
                let other = found[name]?.channels[channel][index] ?? 0
                signal += Double(value) * Double(value)
                noise += (Double(other) - Double(value)) * (Double(other) - Double(value))
            }
        }
    }
    return signal == 0 ? 0 : 10 * log10(signal / max(noise, 1e-30 * signal))
}
