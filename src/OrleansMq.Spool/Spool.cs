using System.Text;
using OrleansMq.Json;
using OrleansMq.Storage.Files;

namespace OrleansMq;

/// <summary>
/// Messages in a folder, flushed, first in, first out: a broker of this process with a topic of one partition, so that the log, its checks and its recovery are the ones that every topic has.
/// </summary>
internal sealed class Spool : IAsyncDisposable
{
    // Its start is what was sent; there is no other cursor.
    private static readonly TopicName Waiting = "waiting";

    private static readonly TopicName Refused = "refused";

    private readonly EmbeddedBroker _disk;
    private readonly string _folder;

    private Spool(EmbeddedBroker disk, string folder) => (_disk, _folder) = (disk, folder);

    /// <exception cref="DataFolderException">Another producer has the folder, or it can't be used.</exception>
    public static async Task<Spool> Open(SpoolOptions options, TimeProvider time)
    {
        var disk = await EmbeddedBroker.Start(new() { Data = options.Folder, Time = time, OnReport = report => options.OnFailure(new IOException(report)) });
        try
        {
            // Nothing goes by age: only what was sent, or was looked at, goes.
            var kept = TimeSpan.FromDays(3_650);
            await disk.PutTopic(Waiting, new() { MaxMessages = options.MaxSpooledMessages, MaxBytes = options.MaxSpooledBytes, Retention = kept, MaxMessageBytes = 64 << 20, MaxBatchBytes = 64 << 20 });
            await disk.PutTopic(Refused, new() { Retention = kept, MaxMessageBytes = 64 << 20, MaxBatchBytes = 64 << 20 });
            return new Spool(disk, options.Folder);
        }
        catch
        {
            await disk.DisposeAsync();
            throw;
        }
    }

    public async Task<long> Count()
    {
        var partition = (await _disk.DescribeTopic(Waiting)).Partitions[0];
        return partition.Error is { } error ? throw new MqException(error) : partition.End - partition.Start;
    }

    /// <summary>Returns when they are on disk, all or none.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.BacklogFull"/>, <see cref="ErrorCodes.DiskFull"/>: there is no room; nothing of it was kept.</exception>
    public async Task Append(IReadOnlyList<Message> messages)
    {
        try
        {
            var results = await _disk.Publish(
                Waiting, [.. messages.Select(message => new Message { Body = Encoding.UTF8.GetBytes(StoredJson.Write(message)) })], new() { Acks = Acks.Durable, Wait = TimeSpan.Zero });
            foreach (var result in results)
                result.OrThrow();
        }
        catch (MqException refused)
        {
            throw new MqException(refused.Code, $"The broker does not answer, and the spool in {_folder} does not take {messages.Count} messages more: {refused.Message}", refused.RetryAfter, refused);
        }
    }

    /// <summary>The first messages; an id is the message's place.</summary>
    public async Task<IReadOnlyList<StoredRow>> Peek(TopicName topic, int max, CancellationToken cancel)
    {
        var rows = new List<StoredRow>();
        await foreach (var stored in _disk.Browse(Waiting, 0, StartAt.Earliest, cancel: cancel))
        {
            rows.Add(new(stored.Position.Offset, topic, StoredJson.Read(stored.BodyText, $"Message {stored.Position.Offset} of the spool in {_folder}")));
            if (rows.Count == max)
                break;
        }

        return rows;
    }

    /// <summary>Removes what stands before an id.</summary>
    public async Task RemoveBefore(long id) => await _disk.DeleteBefore(Waiting, 0, id);

    public async Task PutAside(RefusedMessage refused) => (await _disk.Publish(
        Refused,
        [new Message { Body = Encoding.UTF8.GetBytes(StoredJson.Write(refused.Message)), Headers = [new("topic", refused.Topic.Text), new("reason", refused.Reason)] }],
        new() { Acks = Acks.Durable }))[0].OrThrow();

    public async Task<IReadOnlyList<RefusedMessage>> ReadRefused(CancellationToken cancel)
    {
        var refused = new List<RefusedMessage>();
        await foreach (var stored in _disk.Browse(Refused, 0, StartAt.Earliest, cancel: cancel))
            refused.Add(new(stored.Position.Offset, stored.Headers[0].Value, StoredJson.Read(stored.BodyText, $"Message {stored.Position.Offset} of the spool in {_folder}"), stored.Headers[1].Value));
        return refused;
    }

    public async Task DiscardRefused(long upTo) => await _disk.DeleteBefore(Refused, 0, upTo + 1);

    public ValueTask DisposeAsync() => _disk.DisposeAsync();
}
