using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>Stands in the folder from the first change until the repair is complete, and keeps brokers from a half of it.</summary>
internal sealed class RepairMark(IDisk disk, DataFolder folder)
{
    private readonly bool _wasThere = disk.Exists(folder.Repairing);
    private bool _isSet;

    public void Set()
    {
        if (!_isSet && !_wasThere)
            disk.Replace(folder.Repairing, "mq doctor --repair\n"u8.ToArray());
        _isSet = true;
    }

    /// <param name="somethingIsLeft">Then a repair that was cut off before may have begun what this one was not asked for: the mark stays.</param>
    public void Clear(bool somethingIsLeft)
    {
        if (_wasThere ? somethingIsLeft : !_isSet)
            return;
        disk.Remove(folder.Repairing);
        disk.FlushNames(folder.Root);
    }
}
