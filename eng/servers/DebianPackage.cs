namespace OrleansMq.Servers;

/// <summary>A package of Debian's that tests and samples need, installed where it is missing and may be.</summary>
/// <param name="find">Where it is; null where it is not.</param>
/// <param name="hint">What to do where it can't be installed.</param>
internal sealed class DebianPackage(string name, Func<string?> find, string hint)
{
    /// <exception cref="InvalidOperationException">It is missing and can't be installed.</exception>
    public async Task<string> Find()
    {
        if (find() is { } found)
            return found;
        // Another run on this machine may be installing it, or another package, just now: dpkg lets one at a time.
        await using var turn = await Installation.Turn(Path.Join(Path.GetTempPath(), "mq-dpkg-install.lock"));
        if (find() is null)
        {
            if (Environment.UserName != "root")
                throw new InvalidOperationException(hint);
            // A fresh image has no list of packages.
            await Installation.Run(hint, "apt-get", "update", "-q");
            await Installation.Run(hint, "apt-get", "install", "-y", "--no-install-recommends", name);
        }

        return find() ?? throw new InvalidOperationException($"apt-get installed {name}, and what is needed of it is not there. {hint}");
    }
}
