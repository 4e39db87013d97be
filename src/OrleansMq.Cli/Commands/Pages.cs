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
}
