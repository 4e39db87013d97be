namespace OrleansMq.Cli.Commands;

/// <summary>All items of a list that comes in pages.</summary>
internal static class Pages
{
    public static async IAsyncEnumerable<T> All<T>(Func<string?, ValueTask<Page<T>>> page)
    {
        string? after = null;
        do
        {
            var found = await page(after);
            foreach (var item in found.Items)
                yield return item;
            after = found.Next;
        }
        while (after is not null);
    }

    /// <summary>Names one a line; for programs one document.</summary>
    public static async Task Print<T>(Printer output, string what, IAsyncEnumerable<T> all, Func<T, string> name)
    {
        var names = new List<string>();
        await foreach (var item in all)
            if (output.Json)
                names.Add(name(item));
            else
                output.Line(name(item));
        if (output.Json)
            output.Line(Printer.Fields((what, names)));
    }
}
