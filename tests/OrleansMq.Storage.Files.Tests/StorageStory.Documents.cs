using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>Documents, and what calls that did not end may have left of them.</summary>
internal sealed partial class StorageStory
{
    private static readonly string[] Keys = ["topics/orders", "topics/Orders", "groups/a"];

    private readonly Dictionary<string, DocumentModel> _documents = Keys.ToDictionary(key => key, _ => new DocumentModel());

    private async Task PutDocument()
    {
        var key = Keys[_random.Next(Keys.Length)];
        var model = _documents[key];
        if (model.Possible.Count > 0)
            return;
        var content = new byte[_random.Next(1200)];
        _random.NextBytes(content);
        model.Possible.Add(content);
        try
        {
            var version = await _storage!.Documents.Put(key, content, model.Version);
            Demand(version > model.HighestVersion, $"version {version} after {model.HighestVersion}");
            (model.Version, model.HighestVersion, model.Content) = (version, version, content);
            model.Possible.Clear();
        }
        catch (LogFullException)
        {
            model.Possible.Clear();
            throw;
        }
    }

    private async Task DeleteDocument()
    {
        var key = Keys[_random.Next(Keys.Length)];
        var model = _documents[key];
        if (model.Possible.Count > 0 || model.Version == 0)
            return;
        model.Possible.Add(null);
        try
        {
            await _storage!.Documents.Delete(key, model.Version);
            (model.Version, model.Content) = (0, null);
            model.Possible.Clear();
        }
        catch (LogFullException)
        {
            model.Possible.Clear();
            throw;
        }
    }

    private async Task CheckDocuments()
    {
        foreach (var (key, model) in _documents)
        {
            Document? document;
            try
            {
                document = await _storage!.Documents.Get(key);
            }
            catch (Exception e) when (e is LogFailedException or LogFullException)
            {
                Failures++;
                model.Possible.Add(model.Content);
                continue;
            }
            var content = document?.Bytes.ToArray();
            var expected = model.Possible.Append(model.Content);
            Demand(expected.Any(possible => possible is null ? content is null : content is not null && possible.AsSpan().SequenceEqual(content)), $"document {key} holds something else");
            model.Version = document?.Version ?? 0;
            Demand(model.Version == 0 || model.Version >= model.HighestVersion, $"document {key} has version {model.Version} after {model.HighestVersion}");
            model.HighestVersion = Math.Max(model.HighestVersion, model.Version);
            model.Content = content;
            model.Possible.Clear();
        }
    }

    private sealed class DocumentModel
    {
        public long Version;
        public byte[]? Content;
        public long HighestVersion;

        // What a call that did not end may have left instead; Content null = deleted.
        public List<byte[]?> Possible = [];
    }
}
