namespace OrleansMq.Core.Filters;

/// <summary>What is wrong with a filter's text.</summary>
/// <param name="At">The place in the text, from 0.</param>
public readonly record struct FilterFault(int At, string Detail)
{
    public override string ToString() => $"at character {At + 1}: {Detail}";
}

/// <summary>How the parser ends; it never leaves <see cref="MessageFilter.TryParse"/>.</summary>
internal sealed class FilterFaultException(int at, string detail) : Exception(detail)
{
    public FilterFault Fault => new(at, Message);
}
