using System.Collections.Concurrent;

namespace OrleansMq.Engine.Topics;

/// <summary>Something that is kept in a document and worked on in memory, by one owner.</summary>
public interface IDesk : IAsyncDisposable
{
    /// <summary>Its document could not be written: what memory says may not be what is stored, so it must be loaded again.</summary>
    bool IsBroken { get; }
}

/// <summary>Those that are at work here, by their keys: each is loaded when it is first asked for.</summary>
/// <param name="load">Null: there is none of that key.</param>
public sealed class Desks<T>(Func<string, Task<T?>> load) : IAsyncDisposable
    where T : class, IDesk
{
    private readonly ConcurrentDictionary<string, Lazy<Task<T?>>> _desks = new(StringComparer.Ordinal);
    private volatile bool _closed;

    public int Count => _desks.Count;

    /// <summary>Those that are loaded now.</summary>
    public IEnumerable<KeyValuePair<string, T>> Loaded
    {
        get
        {
            foreach (var (key, loading) in _desks)
                if (loading.IsValueCreated && loading.Value is { IsCompletedSuccessfully: true, Result: { IsBroken: false } desk })
                    yield return KeyValuePair.Create(key, desk);
        }
    }

    /// <summary>The one of this key, if it is loaded now.</summary>
    public T? FindLoaded(string key) =>
        _desks.TryGetValue(key, out var loading) && loading is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true, Result: { IsBroken: false } desk } } ? desk : null;

    /// <summary>Keys of those that are being loaded, or must be loaded again: what is stored of them is not known here now.</summary>
    public IEnumerable<string> Unsure =>
        _desks.Where(desk => desk.Value is not { IsValueCreated: true, Value: { IsCompletedSuccessfully: true, Result: not { IsBroken: true } } }).Select(desk => desk.Key);

    public async ValueTask<T?> Find(string key)
    {
        while (true)
        {
            if (_closed)
                throw new MqException(ErrorCodes.PartitionUnavailable, "The broker is closing.", TimeSpan.FromSeconds(1));
            var loading = _desks.GetOrAdd(key, static (key, load) => new Lazy<Task<T?>>(() => load(key)), load);
            T? found = null;
            try
            {
                found = await loading.Value;
            }
            finally
            {
                // What is not there, or could not be read, is looked for again.
                if (found is null)
                    _desks.TryRemove(KeyValuePair.Create(key, loading));
            }

            if (found is not { IsBroken: true })
                return found;
            await Replace(key, loading, found);
        }
    }

    /// <summary>The one of this key, made where there is none.</summary>
    public async ValueTask<T> Ensure(string key, Func<T> make)
    {
        while (true)
        {
            if (await Find(key) is { } found)
                return found;
            var made = new Lazy<Task<T?>>(() => Task.FromResult<T?>(make()));
            if (_desks.TryAdd(key, made))
                return (await made.Value)!;
        }
    }

    /// <summary>A broken one goes when what is stored has been read, and not before: until then it is what tries again by itself.</summary>
    private async ValueTask Replace(string key, Lazy<Task<T?>> loaded, T broken)
    {
        var next = await load(key);
        var replaced = next is null ? _desks.TryRemove(KeyValuePair.Create(key, loaded)) : _desks.TryUpdate(key, new Lazy<Task<T?>>(Task.FromResult<T?>(next)), loaded);
        if (replaced)
            await broken.DisposeAsync();
        if (next is not null && (!replaced || _closed))
            await next.DisposeAsync();
    }

    /// <summary>Ends this very one's work here; whoever asks next loads it anew.</summary>
    public async ValueTask Drop(string key, T desk)
    {
        if (_desks.TryGetValue(key, out var loading) && loading is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } && loading.Value.Result == desk)
            _desks.TryRemove(new KeyValuePair<string, Lazy<Task<T?>>>(key, loading));
        await desk.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _closed = true;
        foreach (var loading in _desks.Values.Where(loading => loading.IsValueCreated).Select(loading => loading.Value))
        {
            // One that can't be loaded has nothing to end, and whoever asked for it is told.
            await Task.WhenAny(loading);
            if (loading is { IsCompletedSuccessfully: true, Result: { } desk })
                await desk.DisposeAsync();
        }
    }
}
