// swift-tools-version:5.9
import PackageDescription

// TfsepCore knows no Apple framework and is built and tested on Linux as well; TfsepKit is Core ML, Accelerate, AVFAudio and SwiftUI.
var products: [Product] = [.library(name: "TfsepCore", targets: ["TfsepCore"])]
var targets: [Target] = [
    .target(name: "TfsepCore"),
    .target(name: "TfsepTestSupport", dependencies: ["TfsepCore"], path: "Tests/TfsepTestSupport"),
    .testTarget(name: "TfsepCoreTests", dependencies: ["TfsepCore", "TfsepTestSupport"]),
]

#if canImport(Darwin)
products.append(.library(name: "TfsepKit", targets: ["TfsepKit"]))
targets += [
    .target(name: "TfsepKit", dependencies: ["TfsepCore"]),
    .testTarget(name: "TfsepKitTests", dependencies: ["TfsepKit", "TfsepCore", "TfsepTestSupport"]),
]
#endif

let package = Package(
    name: "TfsepKit",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: products,
    targets: targets
)
