using OrleansMq.Records;

namespace OrleansMq.Core.Filters;

/// <summary>The message that is looked at: its headers that the filter names, found in one walk.</summary>
internal sealed class FilterRow(byte[][] names, int partition)
{
    private readonly FilterValue[] _headers = new FilterValue[names.Length];

    private int _likeBytesLeft;

    /// <summary>The message.</summary>
    public RecordView Record { get; private set; }

    public int Partition => partition;

    public FilterValue Header(int number) => _headers[number];

    /// <summary>Whether a <c>LIKE</c> may walk through so much more of this message.</summary>
    public bool MayWalk(int bytes)
    {
        if (bytes > _likeBytesLeft)
            return false;
        _likeBytesLeft -= bytes;
        return true;
    }

    /// <summary>The last of each name counts, as everywhere here; a null value is an empty one.</summary>
    public void Take(in RecordView record)
    {
        (Record, _likeBytesLeft) = (record, FilterLimits.MaxLikeBytes);
        if (names.Length == 0)
            return;
        Array.Clear(_headers);
        foreach (var header in record.Headers)
            for (var i = 0; i < names.Length; i++)
                if (header.KeyUtf8.Span.SequenceEqual(names[i]))
                    _headers[i] = FilterValue.Of(header.Value);
    }
}
