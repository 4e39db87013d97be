using System.Collections.Concurrent;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Routing;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// Keeps the exchanges and says where messages go. Documents:
/// <code>
/// exchanges/NAME   the exchange with its bindings   ExchangeDocument
/// exchange-names   their names, for listing         NameIndex; a name without a document is no exchange
/// </code>
/// </summary>
/// <param name="hasTopic">Whether there is such a topic: a binding to none is refused.</param>
/// <param name="believe">
/// Where other desks work on the same documents: how long an exchange that was read is believed. A change is not answered before that time is over. Null: this desk is the only one.
/// </param>
public sealed class ExchangeDesk(IDocuments documents, TimeProvider time, Func<TopicName, ValueTask<bool>> hasTopic, TimeSpan? believe = null)
{
    /// <summary>How often a change starts again after another desk wrote first.</summary>
    private const int MaxConflicts = 100;

    private const string NamesKey = "exchange-names";

    private readonly ConcurrentDictionary<ExchangeName, Known> _known = new();
    private readonly Lock _changing = new();
    private int _changes;

    public async ValueTask<ExchangeDescription> Put(ExchangeName exchange, ExchangeChange change)
    {
        if (change.Alternate.Value is { } alternate && alternate != exchange)
            _ = await Existing(alternate);
        var created = false;
        var put = await Change(exchange, current =>
        {
            created = current is null;
            return ExchangeDocument.Make(exchange, current, change);
        }, NameIt);
        return put.Describe(created);
    }

    public async ValueTask<ExchangeDescription> Describe(ExchangeName exchange) => (await Existing(exchange)).Describe();

    public async ValueTask Delete(ExchangeName exchange)
    {
        var document = await documents.Get(KeyOf(exchange)) ?? throw Unknown(exchange);
        foreach (var name in await Names())
            if (name != exchange.Text && await Find(name) is { } other && other.LeadsTo(exchange))
                throw new MqException(ErrorCodes.Conflict, $"The exchange '{other.Name}' leads to '{exchange}': unbind it there first.");
        try
        {
            await documents.Delete(KeyOf(exchange), document.Version);
        }
        catch (DocumentConflictException)
        {
            throw new MqException(ErrorCodes.Conflict, $"The exchange '{exchange}' was changed meanwhile.");
        }

        Forget(exchange);
        await ChangeNames(index => index.Without(exchange.Text));
        await Outlast();
    }

    public async ValueTask<Page<ExchangeName>> List(string prefix, string? after, int max)
    {
        PageSize.Check(max);
        var page = new List<ExchangeName>();
        foreach (var name in await Names())
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal) || (after is not null && string.CompareOrdinal(name, after) <= 0) || await Find(name) is null)
                continue;
            if (page.Count == max)
                return new Page<ExchangeName>(page, page[^1].Text);
            page.Add(name);
        }

        return new Page<ExchangeName>(page, null);
    }

    public async ValueTask<bool> Bind(ExchangeName exchange, Binding binding)
    {
        if (binding.Exchange is { } target)
            _ = await Existing(target);
        if (binding.Topic is { } topic && !await hasTopic(topic))
            throw new MqException(ErrorCodes.TopicUnknown, $"There is no topic '{topic}' to bind '{exchange}' to.");
        return await ChangeExisting(exchange, current => current.With(binding));
    }

    public ValueTask<bool> Unbind(ExchangeName exchange, Binding binding) => ChangeExisting(exchange, current => current.Without(binding));

    public async ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages)
    {
        var start = await Table(exchange) ?? throw Unknown(exchange);
        // What can be reached is read first: from there on routing does not wait.
        var reach = new Dictionary<ExchangeName, RouteTable?> { [exchange] = start };
        var left = new Queue<ExchangeName>(start.Next);
        while (left.TryDequeue(out var name))
        {
            if (reach.ContainsKey(name))
                continue;
            reach[name] = await Table(name);
            foreach (var next in reach[name]?.Next ?? [])
                left.Enqueue(next);
        }

        return [.. messages.Select(message => RouteTable.Route(start, message, reach.GetValueOrDefault))];
    }

    private async ValueTask<RouteTable?> Table(ExchangeName exchange)
    {
        if (_known.TryGetValue(exchange, out var known) && (believe is not { } limit || time.GetElapsedTime(known.ReadAt) <= limit))
            return known.Table;
        // Its age counts from before the reading.
        var (at, changes) = (time.GetTimestamp(), Volatile.Read(ref _changes));
        if (await Find(exchange) is not { } found)
            return null;
        var table = new RouteTable(found);
        lock (_changing)
        {
            // What was changed while it was read is not kept.
            if (changes == _changes)
                _known[exchange] = new Known(table, at);
        }

        return table;
    }

    private void Forget(ExchangeName exchange)
    {
        lock (_changing)
        {
            _changes++;
            _known.TryRemove(exchange, out _);
        }
    }

    private async ValueTask<ExchangeDocument> Existing(ExchangeName exchange) => await Find(exchange) ?? throw Unknown(exchange);

    private async ValueTask<ExchangeDocument?> Find(ExchangeName exchange) =>
        await documents.Get(KeyOf(exchange)) is { } document ? ExchangeDocument.FromJson(document.Bytes.Span) : null;

    private async ValueTask<bool> ChangeExisting(ExchangeName exchange, Func<ExchangeDocument, ExchangeDocument> change)
    {
        var changed = false;
        await Change(exchange, current =>
        {
            var next = change(current ?? throw Unknown(exchange));
            changed = !ReferenceEquals(next, current);
            return next;
        }, _ => default);
        return changed;
    }

    /// <param name="before">Done before a document is written where there was none.</param>
    private async ValueTask<ExchangeDocument> Change(ExchangeName exchange, Func<ExchangeDocument?, ExchangeDocument> change, Func<ExchangeName, ValueTask> before)
    {
        for (var conflicts = 0; ; conflicts++)
        {
            var document = await documents.Get(KeyOf(exchange));
            var current = document is null ? null : ExchangeDocument.FromJson(document.Bytes.Span);
            var next = change(current);
            if (next == current)
                return next;
            if (document is null)
                await before(exchange);
            try
            {
                await documents.Put(KeyOf(exchange), next.ToJson(), document?.Version ?? 0);
            }
            catch (DocumentConflictException) when (conflicts < MaxConflicts)
            {
                // Another call changed it meanwhile: read again.
                continue;
            }

            Forget(exchange);
            if (document is not null)
                await Outlast();
            return next;
        }
    }

    private Task Outlast() => believe is { } age ? Belief.Outlast(age, time) : Task.CompletedTask;

    private async ValueTask<IReadOnlyList<string>> Names() =>
        await documents.Get(NamesKey) is { } document ? NameIndex.FromJson(document.Bytes.Span).Names : [];

    private ValueTask NameIt(ExchangeName exchange) => ChangeNames(index => index.With(exchange.Text));

    private async ValueTask ChangeNames(Func<NameIndex, NameIndex> change)
    {
        for (var conflicts = 0; ; conflicts++)
        {
            var document = await documents.Get(NamesKey);
            var index = document is null ? NameIndex.Empty : NameIndex.FromJson(document.Bytes.Span);
            var next = change(index);
            if (ReferenceEquals(next, index))
                return;
            try
            {
                await documents.Put(NamesKey, next.ToJson(), document?.Version ?? 0);
                return;
            }
            catch (DocumentConflictException) when (conflicts < MaxConflicts)
            {
                // Another exchange was named meanwhile: read again.
            }
        }
    }

    private static string KeyOf(ExchangeName exchange) => $"exchanges/{exchange.Text}";

    private static MqException Unknown(ExchangeName exchange) => new(ErrorCodes.ExchangeUnknown, $"There is no exchange '{exchange}'.");

    private sealed record Known(RouteTable Table, long ReadAt);
}
