@preconcurrency import CoreML
import Foundation
import TfsepCore

/// A Core ML model from features to masks, with the contract that lies in its metadata.
///
/// `MLModel` may be asked from several tasks at once; nothing else is kept.
final class MaskModel: @unchecked Sendable {
    let contract: ModelContract
    private let model: MLModel

    /// Throws `TfsepError` if the model holds no contract that this package follows, or has other tensors than it says.
    init(_ model: MLModel) throws {
        let description = model.modelDescription
        guard
            let metadata = description.metadata[MLModelMetadataKey.creatorDefinedKey] as? [String: String],
            let json = metadata[ModelContract.metadataName]
        else {
            throw TfsepError.contract("The model holds no entry \(ModelContract.metadataName): export it with tfsep-export.")
        }
        let contract = try ModelContract.decode(Data(json.utf8))
        let shape = [1, contract.spec.frames, contract.spec.modelBins]
        try Self.check(description.inputDescriptionsByName[contract.inputName], contract.inputName, shape + [contract.inputChannels])
        for stem in contract.maskedStems {
            try Self.check(description.outputDescriptionsByName[stem], stem, shape + [contract.maskChannels])
        }
        self.model = model
        self.contract = contract
    }

    /// Loads a compiled `.mlmodelc`, as Xcode puts it into an app, or compiles a `.mlpackage` first.
    static func load(_ url: URL, configuration: MLModelConfiguration) async throws -> MaskModel {
        guard url.pathExtension == "mlpackage" else {
            return try MaskModel(await MLModel.load(contentsOf: url, configuration: configuration))
        }
        let compiled = try await MLModel.compileModel(at: url)
        // It lies in a temporary folder and stays there: Core ML may read its weights as it goes.
        return try MaskModel(await MLModel.load(contentsOf: compiled, configuration: configuration))
    }

    /// An array of the model's input, its values in one piece, the last axis fastest.
    func makeInput() throws -> MLMultiArray {
        let spec = contract.spec
        let shape = [1, spec.frames, spec.modelBins, contract.inputChannels].map { NSNumber(value: $0) }
        return try MLMultiArray(shape: shape, dataType: .float32)
    }

    /// Returns the masks of all stems but the residual one.
    func masks(for input: MLMultiArray) async throws -> [String: [Float]] {
        let features = try MLDictionaryFeatureProvider(dictionary: [contract.inputName: MLFeatureValue(multiArray: input)])
        let found = try await model.prediction(from: features, options: MLPredictionOptions())
        var masks: [String: [Float]] = [:]
        for stem in contract.maskedStems {
            guard let array = found.featureValue(for: stem)?.multiArrayValue else {
                throw TfsepError.model("Model \(contract.name) gave no mask for \(stem): export it again.")
            }
            masks[stem] = try Self.values(array)
        }
        return masks
    }

    private static func check(_ description: MLFeatureDescription?, _ name: String, _ shape: [Int]) throws {
        guard let constraint = description?.multiArrayConstraint else {
            throw TfsepError.model("The model has no tensor \(name), which its contract names: export it again.")
        }
        guard constraint.dataType == .float32, constraint.shape.map(\.intValue) == shape else {
            throw TfsepError.model("The model's tensor \(name) is \(constraint.shape), its contract says \(shape) in float32.")
        }
    }

    /// Copies an output, the last axis fastest. The processors may leave gaps between its rows, which the strides tell.
    private static func values(_ array: MLMultiArray) throws -> [Float] {
        let shape = array.shape.map(\.intValue)
        let strides = array.strides.map(\.intValue)
        guard array.dataType == .float32, shape.count == 4 else {
            throw TfsepError.model("A mask of shape \(shape) is no float32 of rank 4: export the model again.")
        }
        var result: [Float] = []
        result.reserveCapacity(shape.reduce(1, *))
        array.withUnsafeBufferPointer(ofType: Float.self) { memory in
            for frame in 0..<shape[1] {
                for bin in 0..<shape[2] {
                    let start = frame * strides[1] + bin * strides[2]
                    for channel in 0..<shape[3] { result.append(memory[start + channel * strides[3]]) }
                }
            }
        }
        return result
    }
}
