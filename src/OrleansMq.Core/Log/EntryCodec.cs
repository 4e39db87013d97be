using System.Buffers;
using System.Text;
using OrleansMq.Core.Cursors;

namespace OrleansMq.Core.Log;

/// <summary>
/// The bytes of entries, one after another: kind u8, then the fields of that kind in this order, numbers as unsigned LEB128 varints:
/// <code>
///  1 GroupAdded     group  offset  flags u8  id 16 B  name (length, UTF-8)
///  2 GroupRemoved   group
///  3 GroupDeclared  group  flags u8
///  4 Committed      group  offset  number
///  5 Granted        group  lane  offset  count  number  epoch  time  name
///  6 Settled        group  lane  offset  count
///  7 Returned       group  lane  offset  time
///  8 Extended       group  lane  offset  time
///  9 Sought         group  offset
/// 10 StartMoved     offset
/// 11 Discarded      group  offset  count
/// 12 Cancelled      lane  offset  count
/// 13 HalfTimedOut   offset
/// 14 HalfRolledBack offset  time
/// 20 TransactionBegun  offset  number
/// 21 TransactionOpened offset  number  term  time  name
/// 22 Grown             offset  number
/// 23 Compacting        offset
/// 24 Compacted         offset  time  term
/// 25 SessionSettled    group  lane  offset  key (length, bytes)  state
/// 26 SessionSet        group  key (length, bytes)  state
/// 27 KeysLeft          group  offset
/// 28 GroupKept         group  time
/// 29 PassedOver        group  offset  count
/// </code>
/// A state is its length and 1, and its bytes; 0 is none.
/// </summary>
public static class EntryCodec
{
    /// <summary>No entry is longer, key and state not counted: nine numbers, an id and a name of 1,024 bytes.</summary>
    public const int MaxLength = 1_200;

    public const int MaxNameBytes = 1_024;

    public static void Write(IBufferWriter<byte> output, in Entry entry)
    {
        var span = output.GetSpan(MaxLength + LengthOf(entry.Session));
        span[0] = (byte)entry.Kind;
        var at = 1;
        if (IsOfGroup(entry.Kind))
            Number(span, ref at, entry.Group);
        switch (entry.Kind)
        {
            case EntryKind.GroupAdded:
                Number(span, ref at, entry.Offset);
                span[at++] = (byte)entry.Flags;
                entry.Id.TryWriteBytes(span[at..]);
                at += 16;
                Text(span, ref at, entry.Name);
                break;
            case EntryKind.GroupRemoved:
                break;
            case EntryKind.GroupDeclared:
                span[at++] = (byte)entry.Flags;
                break;
            case EntryKind.Committed:
            case EntryKind.TransactionBegun:
            case EntryKind.Grown:
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Number);
                break;
            case EntryKind.TransactionOpened:
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Number);
                Number(span, ref at, entry.Term);
                Number(span, ref at, entry.Time);
                Text(span, ref at, entry.Name);
                break;
            case EntryKind.Granted:
                Number(span, ref at, entry.Lane);
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Count);
                Number(span, ref at, entry.Number);
                Number(span, ref at, entry.Epoch);
                Number(span, ref at, entry.Time);
                Text(span, ref at, entry.Name);
                break;
            case EntryKind.Settled:
                Number(span, ref at, entry.Lane);
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Count);
                break;
            case EntryKind.Returned:
            case EntryKind.Extended:
                Number(span, ref at, entry.Lane);
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Time);
                break;
            case EntryKind.Sought:
            case EntryKind.KeysLeft:
            case EntryKind.StartMoved:
            case EntryKind.HalfTimedOut:
            case EntryKind.Compacting:
                Number(span, ref at, entry.Offset);
                break;
            case EntryKind.GroupKept:
                Number(span, ref at, entry.Time);
                break;
            case EntryKind.Compacted:
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Time);
                Number(span, ref at, entry.Term);
                break;
            case EntryKind.Discarded:
            case EntryKind.PassedOver:
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Count);
                break;
            case EntryKind.Cancelled:
                Number(span, ref at, entry.Lane);
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Count);
                break;
            case EntryKind.HalfRolledBack:
                Number(span, ref at, entry.Offset);
                Number(span, ref at, entry.Time);
                break;
            case EntryKind.SessionSettled:
                Number(span, ref at, entry.Lane);
                Number(span, ref at, entry.Offset);
                Write(span, ref at, entry.Session!);
                break;
            case EntryKind.SessionSet:
                Write(span, ref at, entry.Session!);
                break;
            default:
                throw new InvalidOperationException($"No entry of kind {entry.Kind} is written.");
        }

        output.Advance(at);
    }

    /// <summary>Reads the entry at the front of <paramref name="source"/> and moves past it.</summary>
    /// <returns>False where the bytes are no entry; <paramref name="source"/> is then undefined.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> source, out Entry entry)
    {
        entry = default;
        if (source.IsEmpty)
            return false;
        var reader = new FieldReader(source[1..]);
        var kind = (EntryKind)source[0];
        var group = IsOfGroup(kind) ? reader.Int() : 0;
        entry = kind switch
        {
            EntryKind.GroupAdded => new Entry { Kind = kind, Group = group, Offset = reader.Long(), Flags = (GroupFlags)reader.Byte(), Id = reader.Id(), Name = reader.Text() },
            EntryKind.GroupRemoved => new Entry { Kind = kind, Group = group },
            EntryKind.GroupDeclared => new Entry { Kind = kind, Group = group, Flags = (GroupFlags)reader.Byte() },
            EntryKind.Committed => new Entry { Kind = kind, Group = group, Offset = reader.Long(), Number = reader.Int() },
            EntryKind.Granted => new Entry
            {
                Kind = kind,
                Group = group,
                Lane = reader.Int(),
                Offset = reader.Long(),
                Count = reader.Int(),
                Number = reader.Int(),
                Epoch = reader.Int(),
                Time = reader.Long(),
                Name = reader.Text(),
            },
            EntryKind.Settled => new Entry { Kind = kind, Group = group, Lane = reader.Int(), Offset = reader.Long(), Count = reader.Int() },
            EntryKind.Returned or EntryKind.Extended => new Entry { Kind = kind, Group = group, Lane = reader.Int(), Offset = reader.Long(), Time = reader.Long() },
            EntryKind.Sought or EntryKind.KeysLeft => new Entry { Kind = kind, Group = group, Offset = reader.Long() },
            EntryKind.GroupKept => new Entry { Kind = kind, Group = group, Time = reader.Long() },
            EntryKind.StartMoved => new Entry { Kind = kind, Offset = reader.Long() },
            EntryKind.Discarded or EntryKind.PassedOver => new Entry { Kind = kind, Group = group, Offset = reader.Long(), Count = reader.Int() },
            EntryKind.Cancelled => new Entry { Kind = kind, Lane = reader.Int(), Offset = reader.Long(), Count = reader.Int() },
            EntryKind.HalfTimedOut => new Entry { Kind = kind, Offset = reader.Long() },
            EntryKind.HalfRolledBack => new Entry { Kind = kind, Offset = reader.Long(), Time = reader.Long() },
            EntryKind.TransactionBegun or EntryKind.Grown => new Entry { Kind = kind, Offset = reader.Long(), Number = reader.Int() },
            EntryKind.TransactionOpened => new Entry { Kind = kind, Offset = reader.Long(), Number = reader.Int(), Term = reader.Long(), Time = reader.Long(), Name = reader.Text() },
            EntryKind.Compacting => new Entry { Kind = kind, Offset = reader.Long() },
            EntryKind.Compacted => new Entry { Kind = kind, Offset = reader.Long(), Time = reader.Long(), Term = reader.Long() },
            EntryKind.SessionSettled => new Entry { Kind = kind, Group = group, Lane = reader.Int(), Offset = reader.Long(), Count = 1, Session = reader.Session() },
            EntryKind.SessionSet => new Entry { Kind = kind, Group = group, Session = reader.Session() },
            _ => default,
        };
        if (entry.Kind == 0 || reader.Failed)
            return false;
        source = reader.Rest;
        return true;
    }

    private static bool IsOfGroup(EntryKind kind) => kind is not (
        EntryKind.StartMoved or EntryKind.Cancelled or EntryKind.HalfTimedOut or EntryKind.HalfRolledBack or EntryKind.TransactionBegun or EntryKind.TransactionOpened or EntryKind.Grown
        or EntryKind.Compacting or EntryKind.Compacted);

    private static int LengthOf(SessionWrite? session) => session is null ? 0 : session.Key.Length + (session.State?.Length ?? 0);

    private static void Write(Span<byte> span, ref int at, SessionWrite session)
    {
        Number(span, ref at, session.Key.Length);
        session.Key.Span.CopyTo(span[at..]);
        at += session.Key.Length;
        Number(span, ref at, session.State is { } state ? state.Length + 1 : 0);
        (session.State ?? default).Span.CopyTo(span[at..]);
        at += session.State?.Length ?? 0;
    }

    private static void Number(Span<byte> span, ref int at, long value)
    {
        var rest = checked((ulong)value);
        while (rest >= 0x80)
        {
            span[at++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        span[at++] = (byte)rest;
    }

    private static void Text(Span<byte> span, ref int at, string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        if (length > MaxNameBytes)
            throw new ArgumentException($"A name in an entry has at most {MaxNameBytes} bytes; this one has {length}.", nameof(text));
        Number(span, ref at, length);
        at += Encoding.UTF8.GetBytes(text, span[at..]);
    }

    private ref struct FieldReader(ReadOnlySpan<byte> source)
    {
        private ReadOnlySpan<byte> _rest = source;

        public bool Failed { get; private set; }
        public readonly ReadOnlySpan<byte> Rest => _rest;

        public byte Byte()
        {
            if (_rest.IsEmpty)
            {
                Failed = true;
                return 0;
            }

            var value = _rest[0];
            _rest = _rest[1..];
            return value;
        }

        public long Long()
        {
            var value = 0UL;
            for (var shift = 0; shift < 63; shift += 7)
            {
                var b = Byte();
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80)
                    return (long)value;
            }

            Failed = true;
            return 0;
        }

        public int Int()
        {
            var value = Long();
            if (value > int.MaxValue)
                Failed = true;
            return (int)value;
        }

        public Guid Id()
        {
            if (_rest.Length < 16)
            {
                Failed = true;
                return default;
            }

            var id = new Guid(_rest[..16]);
            _rest = _rest[16..];
            return id;
        }

        public SessionWrite Session()
        {
            var key = Bytes(Int());
            var state = Int();
            return new SessionWrite(key, state == 0 ? new ReadOnlyMemory<byte>?() : new ReadOnlyMemory<byte>(Bytes(state - 1)));
        }

        /// <summary>A copy: entries outlive the frame that they were read from.</summary>
        private byte[] Bytes(int length)
        {
            if (Failed || length > _rest.Length)
            {
                Failed = true;
                return [];
            }

            var bytes = _rest[..length].ToArray();
            _rest = _rest[length..];
            return bytes;
        }

        public string Text()
        {
            var length = Int();
            if (Failed || length > MaxNameBytes || length > _rest.Length)
            {
                Failed = true;
                return "";
            }

            var text = Encoding.UTF8.GetString(_rest[..length]);
            _rest = _rest[length..];
            return text;
        }
    }
}
