namespace OrleansMq.Core.Routing;

/// <summary>Patterns of words with dots between, in a tree, so that a key is compared with all of them at once: <c>*</c> is one word, <c>#</c> any number of words.</summary>
internal sealed class KeyPatterns
{
    private const string OneWord = "*", AnyWords = "#";

    private readonly Node _root = new();

    public void Add(string pattern, Binding binding)
    {
        var node = _root;
        foreach (var word in pattern.Split('.'))
        {
            if (!node.Next.TryGetValue(word, out var next))
                node.Next[word] = next = new Node();
            node = next;
        }

        node.Bindings.Add(binding);
    }

    /// <summary>Adds the bindings whose pattern the key has, some perhaps twice.</summary>
    public void Match(string key, List<Binding> found) => new Walk(key.Split('.'), found).From(_root, 0);

    private sealed class Node
    {
        public Dictionary<string, Node> Next { get; } = new(StringComparer.Ordinal);
        public List<Binding> Bindings { get; } = [];
    }

    /// <summary>Each place in the tree is looked at once for each word: with several <c>#</c> the ways to get there are many.</summary>
    private readonly struct Walk(string[] words, List<Binding> found)
    {
        private readonly HashSet<(Node Node, int At)> _seen = [];

        public void From(Node node, int at)
        {
            if (!_seen.Add((node, at)))
                return;
            if (at == words.Length)
                found.AddRange(node.Bindings);
            else
                Step(node, at);
            if (!node.Next.TryGetValue(AnyWords, out var any))
                return;
            for (var next = at; next <= words.Length; next++)
                From(any, next);
        }

        private void Step(Node node, int at)
        {
            // A word of a key that is itself "*" or "#" is no pattern.
            if (words[at] is not (OneWord or AnyWords) && node.Next.TryGetValue(words[at], out var same))
                From(same, at + 1);
            if (node.Next.TryGetValue(OneWord, out var one))
                From(one, at + 1);
        }
    }
}
