import Foundation
import TfsepCore

/// The clips of `ios_demo_assets`, as its manifest lists them.
public struct DemoClips: Decodable {
    public let clips: [Clip]

    public struct Clip: Decodable, Sendable {
        public let name: String
        public let licence: String
        public let credit: String
        /// Paths in the folder, by stem.
        public let stems: [String: String]
    }

    /// - Parameter folder: that holds `manifest.json` and `clips`.
    public static func read(_ folder: URL) throws -> DemoClips {
        try JSONDecoder().decode(DemoClips.self, from: Data(contentsOf: folder.appendingPathComponent("manifest.json")))
    }

    /// A deck for each clip, which plays it over and over.
    @MainActor
    public func decks(in folder: URL) throws -> [StemDeck] {
        try clips.map { clip in
            let stems = clip.stems.mapValues { folder.appendingPathComponent($0) }
            return try StemDeck(title: clip.name.capitalized, stems: stems, loops: true)
        }
    }
}
