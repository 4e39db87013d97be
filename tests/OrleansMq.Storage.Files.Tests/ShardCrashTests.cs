using System.Text;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Journaling;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The power goes at each call to the disk while documents are put and deleted and their file is written anew, on a disk as it is and on one with a journal.</summary>
public sealed class ShardCrashTests
{
    private const string Documents = "/data/documents";
    private const int Number = 7;

    private ulong _drawn;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatWasAcknowledgedIsThereWhereverThePowerGoes(bool journaled)
    {
        var rewritten = 0;
        for (var (call, done) = (1, false); !done; call++)
        {
            var disk = new SimDisk(call);
            disk.MakeDirectoryDurably(Documents);
            disk.MakeDirectoryDurably("/data/deleted");
            var known = new Dictionary<string, (long Version, string Content)>();
            // What was under way: it may be there or not.
            (string Key, string? Content)? doubt = null;
            disk.PowerLossAt = disk.Calls + call;
            var longest = 0L;
            try
            {
                using var on = new Opened(this, disk, journaled);
                for (var i = 0; i < 40; i++)
                {
                    var key = $"k{i % 3}";
                    var before = known.GetValueOrDefault(key).Version;
                    if (i % 7 == 6 && before > 0)
                    {
                        doubt = (key, null);
                        on.Shard.Delete(key, Encoding.UTF8.GetBytes(key), before);
                        known.Remove(key);
                    }
                    else
                    {
                        var content = $"{i}|{new string((char)('a' + i % 26), 150)}";
                        doubt = (key, content);
                        known[key] = (on.Shard.Put(key, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(content), before), content);
                    }

                    doubt = null;
                    var length = disk.ContentOf($"{Documents}/07.docs").Length;
                    rewritten += length < longest ? 1 : 0;
                    longest = length;
                }

                disk.PowerLossAt = 0;
                done = true;
            }
            catch (SimPowerLossException)
            {
            }

            disk.Crash(call);
            using var again = new Opened(this, disk, journaled);
            foreach (var key in new[] { "k0", "k1", "k2" })
            {
                var found = again.Shard.Get(key, Encoding.UTF8.GetBytes(key));
                var content = found is null ? null : Encoding.UTF8.GetString(found.Bytes.Span);
                var isAsAcknowledged = known.TryGetValue(key, out var was) ? content == was.Content && found!.Version == was.Version : content is null;
                Assert.True(isAsAcknowledged || (doubt is var (doubtful, last) && doubtful == key && content == last), $"call {call}: {key} is '{content}'");
            }
        }

        Assert.True(rewritten > 3, $"It was written anew {rewritten} times.");
    }

    private sealed class Opened : IDisposable
    {
        private readonly JournaledDisk? _journaled;
        private readonly ShardEnds _ends;

        public Opened(ShardCrashTests test, SimDisk disk, bool journaled)
        {
            var options = new FileStorageOptions { Directory = "/data", Journal = journaled, JournalBytes = 64 << 10, JournalWhenAlone = true, DrawIncarnation = () => ++test._drawn };
            _journaled = journaled ? JournaledDisk.Take(disk, new DataFolder(disk, "/data"), options, new InlineIo(), 1, _ => { }) : null;
            var on = (IDisk?)_journaled ?? disk;
            _ends = new ShardEnds(on, Documents, _ => { });
            Shard = new DocumentShard(on, Documents, Number, _ends, () => ++test._drawn, _ => { }, smallWaste: 1_500);
        }

        public DocumentShard Shard { get; }

        public void Dispose()
        {
            Shard.Dispose();
            _ends.Dispose();
            _journaled?.Dispose();
        }
    }
}
