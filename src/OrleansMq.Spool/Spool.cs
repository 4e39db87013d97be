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

    private const int LargestMessage = 64 << 20;

    // Of what is appended at once, at least one message: far below the largest record batch, so that it never is two of them.
    private const int AppendBytes = 1 << 20;

    private readonly EmbeddedBroker _disk;
    private readonly string _folder;
    private readonly long _maxBytes;

    private Spool(EmbeddedBroker disk, SpoolOptions options) => (_disk, _folder, _maxBytes) = (disk, options.Folder, options.MaxSpooledBytes);

    /// <exception cref="DataFolderException">Another producer has the folder, or it can't be used.</exception>
    public static async Task<Spool> Open(SpoolOptions options, TimeProvider time)
    {
        var disk = await EmbeddedBroker.Start(new()
        {
            Data = options.Folder,
            Time = time,
            // What was sent counts against MaxBytes until its log is given back, which is done in pieces of about this size.
            SnapshotBytes = Math.Clamp(options.MaxSpooledBytes / 8, 4_096, 16 << 20),
            OnReport = report => options.OnFailure(new IOException(report)),
        });
        try
        {
            // Nothing goes by age: only what was sent, or was looked at, goes.
            var kept = TimeSpan.FromDays(3_650);
            await disk.PutTopic(Waiting, new()
            {
                MaxMessages = options.MaxSpooledMessages,
                MaxBytes = options.MaxSpooledBytes,
                Retention = kept,
                // Larger than all the room, it would be refused for ever as if there were none just now.
                MaxMessageBytes = (int)Math.Min(options.MaxSpooledBytes, LargestMessage),
                MaxBatchBytes = LargestMessage,
            });
            await disk.PutTopic(Refused, new() { Retention = kept, MaxMessageBytes = LargestMessage, MaxBatchBytes = LargestMessage });
            return new Spool(disk, options);
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

    /// <summary>A message as it lies here.</summary>
    public static Message Wrap(Message message) => new() { Body = Encoding.UTF8.GetBytes(StoredJson.Write(message)) };

    /// <summary>How many from a place on are appended at once, so that they are one record batch: no more than there is room for, and at least one. One that is too large for the spool is always alone.</summary>
    /// <param name="room">Messages.</param>
    public int Fitting(IReadOnlyList<Message> wrapped, int from, long room)
    {
        var (count, bytes, max) = (1, SizeOf(wrapped[from]), Math.Min(_maxBytes, AppendBytes));
        while (from + count < wrapped.Count && count < room && (bytes += SizeOf(wrapped[from + count])) <= max)
            count++;
        return count;

        static long SizeOf(Message message) => Publishing.RecordBytes(message, MessageCodec.SizeOf(message));
    }

    /// <summary>Returns when they are on disk, all or none.</summary>
    /// <param name="wrapped">No more than are <see cref="Fitting"/>.</param>
    /// <exception cref="MqException">
    /// <see cref="ErrorCodes.BacklogFull"/>, <see cref="ErrorCodes.DiskFull"/>: there is no room; <see cref="ErrorCodes.MessageTooLarge"/>: there never is. Nothing of it was kept.
    /// </exception>
    public async Task Append(IReadOnlyList<Message> wrapped)
    {
        try
        {
            foreach (var result in await _disk.Publish(Waiting, wrapped, new() { Acks = Acks.Durable, Wait = TimeSpan.Zero }))
                result.OrThrow();
        }
        catch (MqException refused)
        {
            throw new MqException(refused.Code, $"The broker does not answer, and the spool in {_folder} does not take {wrapped.Count} messages more: {refused.Message}", refused.RetryAfter, refused);
        }
    }

    /// <summary>The first messages, up to the one that reaches so many bytes, or to one that can't be read; an id is the message's place.</summary>
    /// <exception cref="InvalidOperationException">The first can't be read: all that is behind it waits.</exception>
    public async Task<IReadOnlyList<StoredRow>> Peek(TopicName topic, int max, int maxBytes, CancellationToken cancel)
    {
        var (rows, bytes) = (new List<StoredRow>(), 0L);
        await foreach (var stored in _disk.Browse(Waiting, 0, StartAt.Earliest, cancel: cancel))
        {
            try
            {
                rows.Add(new(stored.Position.Offset, topic, StoredJson.Read(stored.BodyText, $"Message {stored.Position.Offset} of the spool in {_folder}", inOrder: true)));
            }
            catch (InvalidOperationException) when (rows.Count > 0)
            {
                // It is said when it is the first: what is before it need not wait.
                break;
            }

            if (rows.Count == max || (bytes += rows[^1].Bytes) >= maxBytes)
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
