import SwiftUI
import TfsepCore

/// Two decks, each with a fader, mute and solo for each stem, and one button that puts the drums of the first under the rest of the
/// second.
@MainActor
public struct StemMixView: View {
    private let player: StemPlayer
    @State private var complaint: String?

    public init(player: StemPlayer) {
        self.player = player
    }

    public var body: some View {
        VStack(spacing: 16) {
            ForEach(player.decks) { deck in
                DeckView(deck: deck)
            }
            HStack {
                Button(player.isPlaying ? "Stop" : "Play", systemImage: player.isPlaying ? "stop.fill" : "play.fill", action: toggle)
                    .buttonStyle(.borderedProminent)
                    .disabled(player.decks.isEmpty)
                if player.decks.count > 1 {
                    Button("Drums of \(player.decks[0].title) under \(player.decks[1].title)") {
                        player.playDrumsOfFirstUnderTheRest()
                    }
                    .buttonStyle(.bordered)
                }
            }
            if let complaint {
                Text(complaint).foregroundStyle(.red)
            }
        }
        .padding()
    }

    private func toggle() {
        complaint = nil
        if player.isPlaying {
            player.stop()
            return
        }
        do {
            try player.play()
        } catch {
            complaint = error.localizedDescription
        }
    }
}

/// One deck.
@MainActor
struct DeckView: View {
    @Bindable var deck: StemDeck

    var body: some View {
        GroupBox(deck.title) {
            ForEach(deck.mix.stems, id: \.self) { stem in
                HStack {
                    Text(stem.capitalized)
                        .frame(width: 72, alignment: .leading)
                    Toggle("M", isOn: muted(stem))
                        .accessibilityLabel("Mute \(stem)")
                    Toggle("S", isOn: soloed(stem))
                        .accessibilityLabel("Solo \(stem)")
                    Slider(value: gain(stem), in: 0...1.5)
                        .accessibilityLabel("Gain of \(stem)")
                }
                .toggleStyle(.button)
            }
            HStack {
                Text("Tempo").frame(width: 72, alignment: .leading)
                Slider(value: $deck.rate, in: 0.5...2)
                    .accessibilityLabel("Tempo of \(deck.title)")
                Text(deck.rate, format: .percent.precision(.fractionLength(0)))
                    .monospacedDigit()
                    .frame(width: 56, alignment: .trailing)
            }
        }
    }

    private func gain(_ stem: String) -> Binding<Float> {
        Binding(get: { deck.mix.gains[stem] ?? 0 }, set: { deck.mix.setGain($0, of: stem) })
    }

    private func muted(_ stem: String) -> Binding<Bool> {
        Binding(get: { deck.mix.muted.contains(stem) }, set: { deck.mix.setMuted($0, of: stem) })
    }

    private func soloed(_ stem: String) -> Binding<Bool> {
        Binding(get: { deck.mix.soloed.contains(stem) }, set: { deck.mix.setSoloed($0, of: stem) })
    }
}
