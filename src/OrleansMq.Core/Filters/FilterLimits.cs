namespace OrleansMq.Core.Filters;

/// <summary>What a filter may be and may cost. A filter comes from whoever may change a group, or read; its cost falls on the partition.</summary>
public static class FilterLimits
{
    /// <summary>UTF-16 characters of the text.</summary>
    public const int MaxTextLength = GroupSettings.MaxFilterLength;

    /// <summary>Parentheses, <c>NOT</c> and signs within each other.</summary>
    public const int MaxDepth = 64;

    /// <summary>Names and literals, each as often as it stands there: each is looked at once for a message.</summary>
    public const int MaxTerms = 256;

    /// <summary>Different headers that are named: each header of a message is held against them.</summary>
    public const int MaxHeaders = 32;

    /// <summary>Characters of a <c>LIKE</c> pattern without its <c>%</c>: the bits that one character of a value moves.</summary>
    public const int MaxPatternLength = 255;

    /// <summary>Bytes of values that all <c>LIKE</c>s together walk through for one message, a value each time anew; what does not fit any more is like nothing that is known: unknown.</summary>
    public const int MaxLikeBytes = 64 << 10;

    /// <summary>A longer value is no number.</summary>
    public const int MaxNumberBytes = 64;

    /// <summary>A read with a filter looks through so much at most, in all its partitions together, and then says where to go on. Bytes as stored, and inflated where messages lie compressed.</summary>
    public const int MaxBytesOfRead = ReadRequest.MaxLookedBytes;

    /// <summary>So much is looked through without a pause for others.</summary>
    public const int ChunkBytes = 256 << 10;

    /// <summary>A receive of a group with a filter looks ahead so often on a partition, each time at 16,384 messages or 16 MiB, before it answers that there is nothing yet.</summary>
    public const int MaxLooksOfReceive = 8;
}
