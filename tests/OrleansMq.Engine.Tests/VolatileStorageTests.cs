using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Tests;

public sealed class VolatileLogTests : LogContract
{
    private readonly Lazy<IStorage> _storage = new(() => new VolatileStorage());

    protected override ValueTask<IStorage> Open() => new(_storage.Value);
}

public sealed class VolatileDocumentTests : DocumentContract
{
    private readonly Lazy<IStorage> _storage = new(() => new VolatileStorage());

    protected override ValueTask<IStorage> Open() => new(_storage.Value);
}
