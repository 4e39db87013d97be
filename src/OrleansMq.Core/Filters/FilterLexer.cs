using System.Globalization;
using System.Text;

namespace OrleansMq.Core.Filters;

internal enum TokenKind
{
    End,

    /// <summary>A name as it stands; keywords are names that the parser asks for.</summary>
    Name,

    /// <summary>A name in double quotes: never a keyword.</summary>
    QuotedName,
    Text,
    Number,

    /// <summary>One or two characters of punctuation.</summary>
    Sign,
}

/// <param name="Text">A text or quoted name without its quotes.</param>
internal readonly record struct FilterToken(TokenKind Kind, int At, string Text, decimal Number = 0)
{
    public bool Is(string sign) => Kind == TokenKind.Sign && Text == sign;

    public bool IsWord(string keyword) => Kind == TokenKind.Name && Text.Equals(keyword, StringComparison.OrdinalIgnoreCase);

    /// <summary>For a refusal.</summary>
    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end",
        TokenKind.Text => $"'{Text}'",
        TokenKind.QuotedName => $"\"{Text}\"",
        _ => Text,
    };
}

/// <summary>A filter's text as tokens, one after another.</summary>
internal sealed class FilterLexer(string text)
{
    private int _at;

    public FilterToken Next()
    {
        while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            _at++;
        if (_at == text.Length)
            return new FilterToken(TokenKind.End, _at, "");
        var c = text[_at];
        if (c == '\'')
            return Quoted(TokenKind.Text, "text");
        if (c == '"')
            return Quoted(TokenKind.QuotedName, "name");
        if (IsDigit(c) || (c == '.' && _at + 1 < text.Length && IsDigit(text[_at + 1])))
            return Number();
        return IsNameStart(c) ? Name() : Sign();
    }

    /// <summary>Up to the closing quote; two of them stand for one.</summary>
    private FilterToken Quoted(TokenKind kind, string what)
    {
        var (from, quote) = (_at, text[_at]);
        var read = new StringBuilder();
        for (_at++; _at < text.Length; _at++)
        {
            if (text[_at] != quote)
                read.Append(text[_at]);
            else if (_at + 1 < text.Length && text[_at + 1] == quote)
                read.Append(text[_at++]);
            else
            {
                _at++;
                return new FilterToken(kind, from, Checked(read.ToString(), from));
            }
        }

        throw new FilterFaultException(from, $"the {what} that begins here has no closing {quote}.");
    }

    /// <summary>What UTF-8 can't say is in no message.</summary>
    private static string Checked(string read, int from)
    {
        for (var i = 0; i < read.Length; i++)
            if (char.IsHighSurrogate(read[i]) && i + 1 < read.Length && char.IsLowSurrogate(read[i + 1]))
                i++;
            else if (char.IsSurrogate(read[i]))
                throw new FilterFaultException(from, "half a surrogate pair is no Unicode text.");
        return read;
    }

    private FilterToken Number()
    {
        var from = _at;
        Digits();
        if (Take('.'))
            Digits();
        if (_at < text.Length && text[_at] is 'e' or 'E')
        {
            _at++;
            if (!Take('+'))
                Take('-');
            if (_at == text.Length || !IsDigit(text[_at]))
                throw new FilterFaultException(_at, "an exponent has digits.");
            Digits();
        }

        if (_at < text.Length && IsNamePart(text[_at]))
            throw new FilterFaultException(_at, $"'{text[_at]}' does not belong to a number.");
        var read = text[from.._at];
        return FilterNumber.TryRead(Encoding.UTF8.GetBytes(read), out var number)
            ? new FilterToken(TokenKind.Number, from, read, number)
            : throw new FilterFaultException(from, $"{read} is no number of at most 28 digits.");
    }

    private void Digits()
    {
        while (_at < text.Length && IsDigit(text[_at]))
            _at++;
    }

    private bool Take(char c)
    {
        if (_at == text.Length || text[_at] != c)
            return false;
        _at++;
        return true;
    }

    private FilterToken Name()
    {
        var from = _at;
        while (_at < text.Length && IsNamePart(text[_at]))
            _at++;
        return new FilterToken(TokenKind.Name, from, text[from.._at]);
    }

    private FilterToken Sign()
    {
        var from = _at;
        if (from + 1 < text.Length && text.Substring(from, 2) is "<>" or "<=" or ">=" or "!=")
            _at += 2;
        else if ("=<>()+-*/,".Contains(text[from], StringComparison.Ordinal))
            _at++;
        else
            throw new FilterFaultException(from, $"{Shown(text[from])} has no meaning here; names with other characters than letters, digits, '_', '$' and '.' stand in double quotes.");
        return new FilterToken(TokenKind.Sign, from, text[from.._at]);
    }

    private static string Shown(char c) => char.IsControl(c) || char.IsSurrogate(c) ? string.Create(CultureInfo.InvariantCulture, $"U+{(int)c:X4}") : $"'{c}'";

    private static bool IsDigit(char c) => c is >= '0' and <= '9';

    private static bool IsNameStart(char c) => char.IsLetter(c) || c is '_' or '$';

    private static bool IsNamePart(char c) => char.IsLetterOrDigit(c) || c is '_' or '$' or '.';
}
