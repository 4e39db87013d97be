namespace OrleansMq.Samples.Flights;

/// <summary>One thing that was promised, and how many times it was not kept.</summary>
internal sealed record Promise(string Text, long Broken)
{
    public bool IsKept => Broken == 0;
}

/// <summary>What OrleansMq promised this run, held against the ledger.</summary>
internal static class Promises
{
    /// <param name="unknownResends">Flights sent again that the broker did not know again, or put elsewhere.</param>
    /// <param name="wrongDeadLetters">Dead letters that are not the flights that were to fail, missing ones included.</param>
    /// <param name="unsettled">Messages that the queue group still has to settle by the broker's own account, dead letters included.</param>
    /// <param name="stopCode">Of the broker after SIGTERM; null: it did not end.</param>
    public static IReadOnlyList<Promise> Of(Ledger ledger, long unknownResends, long wrongDeadLetters, long unsettled, int? stopCode)
    {
        var (boards, late) = (ledger.Boards, ledger.Late);
        return
        [
            new("every flight was acknowledged", ledger.NeverAcked),
            new("no acknowledged flight is missing from the log", ledger.Lost),
            new("no flight is in the log twice", ledger.StoredTwice),
            new("a flight sent again is known by its token and answered with its first position", unknownResends),
            new("the boards saw every position, without a gap", boards.Gaps + Math.Abs(ledger.Flights - boards.Seen)),
            new("the boards saw each airport's flights in order of departure", boards.OutOfOrder),
            new("a late group sees every position from the start, without a gap", late.Gaps + Math.Abs(ledger.Flights - late.Seen)),
            new("a late group sees each airport's flights in order of departure", late.OutOfOrder),
            new("every delayed flight was handled", ledger.Delayed - ledger.Handled),
            new("exactly the flights that always fail went to dead letters, each once", wrongDeadLetters),
            new("every dead letter was redriven", ledger.DeadLettered - ledger.Redriven),
            new("nothing is left unsettled", unsettled),
            new("SIGTERM ends the broker in order", stopCode == 0 ? 0 : 1),
        ];
    }
}
