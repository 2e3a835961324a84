// An app around TfsepKit. Make an iOS app in Xcode, add the package, put this file in the place of its App, add `manifest.json` and
// the folders `clips` and `golden` as folder references, and `models/tfsep-int8.mlpackage` as a model.
import SwiftUI
import TfsepCore
import TfsepKit
import UniformTypeIdentifiers

@main
struct DemoApp: App {
    var body: some Scene {
        WindowGroup { DemoView() }
    }
}

@MainActor
struct DemoView: View {
    @State private var player = StemPlayer()
    @State private var separation: Task<Void, Never>?
    @State private var progress: Double?
    @State private var choosing = false
    @State private var message = ""

    var body: some View {
        VStack {
            StemMixView(player: player)
            HStack {
                Button("Separate a song") { choosing = true }
                    .disabled(progress != nil)
                Button("Check the model") { Task { await check() } }
            }
            if let progress {
                ProgressView(value: progress)
                Button("Cancel", role: .cancel) { separation?.cancel() }
            }
            Text(message)
        }
        .task { showClips() }
        .fileImporter(isPresented: $choosing, allowedContentTypes: [.audio]) { chosen in
            switch chosen {
            case .success(let song): separation = Task { await separate(song) }
            case .failure(let error): message = error.localizedDescription
            }
        }
    }

    private func showClips() {
        guard let folder = Bundle.main.resourceURL else { return }
        do {
            let clips = try DemoClips.read(folder)
            player.load(try clips.decks(in: folder))
            message = clips.clips.map { "\($0.name): \($0.credit), \($0.licence)" }.joined(separator: "\n")
        } catch {
            message = error.localizedDescription
        }
    }

    private func separate(_ song: URL) async {
        let allowed = song.startAccessingSecurityScopedResource()
        defer {
            if allowed { song.stopAccessingSecurityScopedResource() }
            progress = nil
        }
        progress = 0
        do {
            let separator = try await StemSeparator.load(contentsOf: try modelURL())
            let title = song.deletingPathExtension().lastPathComponent
            let folder = URL.cachesDirectory.appending(path: "stems/\(title)")
            let stems = try await separator.separate(song, into: folder) { done in
                Task { @MainActor in progress = done }
            }
            player.load([try StemDeck(title: title, stems: stems)])
        } catch is CancellationError {
            message = "Cancelled."
        } catch {
            message = error.localizedDescription
        }
    }

    private func check() async {
        do {
            guard let golden = Bundle.main.url(forResource: "golden", withExtension: nil) else { return }
            let separator = try await StemSeparator.load(contentsOf: try modelURL())
            let set = try GoldenVectors(folder: golden).set("model")
            let (stemsDb, floorDb) = try await separator.distance(from: set, file: "models/tfsep-int8.mlpackage")
            message = String(format: "%.1f dB from the trained model; at least %.1f dB are expected", stemsDb, floorDb ?? 0)
        } catch {
            message = error.localizedDescription
        }
    }

    private func modelURL() throws -> URL {
        guard let url = Bundle.main.url(forResource: "tfsep-int8", withExtension: "mlmodelc") else {
            throw TfsepError.model("The app holds no tfsep-int8.mlpackage: add it to the target.")
        }
        return url
    }
}
