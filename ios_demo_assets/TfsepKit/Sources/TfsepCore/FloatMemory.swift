/// Floats at an address that does not change, freed with the last reference; for inner loops and for C interfaces that keep pointers.
public final class FloatMemory {
    public let count: Int
    public let pointer: UnsafeMutablePointer<Float>

    /// `count` zeros.
    public init(count: Int) {
        self.count = count
        pointer = .allocate(capacity: count)
        pointer.initialize(repeating: 0, count: count)
    }

    public convenience init(_ values: [Float]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { pointer[index] = value }
    }

    deinit {
        pointer.deallocate()
    }

    @inlinable
    public subscript(index: Int) -> Float {
        get {
            assert(index >= 0 && index < count)
            return pointer[index]
        }
        set {
            assert(index >= 0 && index < count)
            pointer[index] = newValue
        }
    }
}
