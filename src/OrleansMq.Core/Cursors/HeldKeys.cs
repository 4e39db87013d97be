namespace OrleansMq.Core.Cursors;

/// <summary>
/// The keys of a group's dead letters, and of those that were redriven and are not settled: later messages of such a key wait. Letters come and go with the log; those that were there
/// before this was, the engine reads and tells, and until then nothing is known.
/// </summary>
public sealed class HeldKeys
{
    /// <summary>Letters of one group and partition, redriven ones with them. With more the group gets nothing from that partition but redriven messages.</summary>
    public const int MaxLetters = 10_000;

    private readonly Dictionary<(bool Redriven, long Offset), ulong> keyOfLetter = [];
    private readonly Dictionary<ulong, int> letters = [];

    /// <summary>Whether all letters were told.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>Changes when what was told is forgotten: what was read before says nothing then.</summary>
    public int Epoch { get; private set; }

    /// <summary>Told of a key that is held from now on, or no longer.</summary>
    internal Action<ulong>? Changed { get; set; }

    public bool Holds(ulong key) => letters.ContainsKey(key);

    public bool Knows(bool redriven, long offset) => keyOfLetter.ContainsKey((redriven, offset));

    /// <param name="key">0, no key, holds nothing.</param>
    public void Add(bool redriven, long offset, ulong key)
    {
        if (!keyOfLetter.TryAdd((redriven, offset), key) || key == 0)
            return;
        letters[key] = letters.GetValueOrDefault(key) + 1;
        if (letters[key] == 1)
            Changed?.Invoke(key);
    }

    public void Remove(bool redriven, long offset)
    {
        if (!keyOfLetter.Remove((redriven, offset), out var key) || key == 0 || --letters[key] > 0)
            return;
        letters.Remove(key);
        Changed?.Invoke(key);
    }

    /// <summary>All letters that are there were told.</summary>
    public void Know() => IsKnown = true;

    public void Forget()
    {
        var held = letters.Keys.ToList();
        keyOfLetter.Clear();
        letters.Clear();
        IsKnown = false;
        Epoch++;
        foreach (var key in held)
            Changed?.Invoke(key);
    }
}
