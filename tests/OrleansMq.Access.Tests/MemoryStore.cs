namespace OrleansMq.Access.Tests;

/// <summary>Users and rules in memory; several controls may share it, as the nodes of a cluster do.</summary>
internal sealed class MemoryStore : IAccessStore
{
    private StoredAccess? _stored;

    public MemoryStore(StoredAccess? stored = null) => _stored = stored;

    /// <summary>What is stored now.</summary>
    public StoredAccess? Stored => _stored;

    public string Place => "memory";

    public bool ReadOnly => false;

    public string Text => System.Text.Encoding.UTF8.GetString(_stored!.Bytes.Span);

    public Exception? Fails { get; set; }

    public ValueTask<StoredAccess?> Load(CancellationToken cancel = default) => Fails is { } e ? throw e : ValueTask.FromResult(_stored);

    public ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default)
    {
        if ((_stored?.Version ?? 0) != expectedVersion)
            return ValueTask.FromResult<long?>(null);
        _stored = new StoredAccess(bytes, expectedVersion + 1);
        return ValueTask.FromResult<long?>(_stored.Version);
    }
}

internal static class Some
{
    public const string AdminPassword = "the admin's own password";
    public const string Password = "correct horse battery";

    public static readonly Principal Admin = new(AccessControl.AdminName);
    public static readonly Principal Anna = new("anna");

    public static ValueTask<AccessControl> Control(MemoryStore? store = null) =>
        AccessControl.Start(store ?? new MemoryStore(), new AccessControlOptions { AdminPassword = AdminPassword, LookEvery = Timeout.InfiniteTimeSpan });

    /// <summary>With the user anna, who may do nothing.</summary>
    public static async ValueTask<AccessControl> ControlWithAnna(MemoryStore? store = null)
    {
        if (store is null)
            return await AccessControl.Start(new MemoryStore(await WithAnna.Value), new AccessControlOptions { LookEvery = Timeout.InfiniteTimeSpan });
        var control = await Control(store);
        await control.Directory.PutUser("anna", new UserChange { Password = Password });
        return control;
    }

    // Derived once: what every story has to pay for otherwise.
    private static readonly Lazy<Task<StoredAccess?>> WithAnna = new(async () =>
    {
        var store = new MemoryStore();
        await using (await ControlWithAnna(store))
            return store.Stored;
    });

    public static AccessRule Rule(AccessOperations allow, ResourceKind kind, string name, ResourceMatch match = ResourceMatch.Literal, string who = "anna") =>
        new(SubjectKind.User, who, allow, kind, match, name);
}
