package kist.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Flags of {@code kist run} and {@code create} about devices: which there are, and how fast. */
final class DeviceFlags {
    private DeviceFlags() {}

    static void put(Map<String, Object> host, Flags.Parsed flags) {
        var devices = new ArrayList<Object>();
        var requests = new ArrayList<Object>();
        var interfaceDevices = new ArrayList<String>();
        for (var value : flags.all("device")) {
            // vendor.com/class=name is of the Container Device Interface
            if (!value.startsWith("/") && value.indexOf('/') > 0 && value.indexOf('=') > value.indexOf('/')) {
                interfaceDevices.add(value);
            } else {
                devices.add(device(flags, value));
            }
        }
        if (!interfaceDevices.isEmpty()) {
            requests.add(Map.of("Driver", "cdi", "DeviceIDs", interfaceDevices));
        }
        for (var value : flags.all("gpus")) {
            requests.add(gpus(flags, value));
        }
        putAll(host, "Devices", devices);
        putAll(host, "DeviceRequests", requests);
        CreateFlags.putList(host, "DeviceCgroupRules", rules(flags));
        putAll(host, "BlkioWeightDevice", rates(flags, "blkio-weight-device", "Weight", false));
        putAll(host, "BlkioDeviceReadBps", rates(flags, "device-read-bps", "Rate", true));
        putAll(host, "BlkioDeviceWriteBps", rates(flags, "device-write-bps", "Rate", true));
        putAll(host, "BlkioDeviceReadIOps", rates(flags, "device-read-iops", "Rate", false));
        putAll(host, "BlkioDeviceWriteIOps", rates(flags, "device-write-iops", "Rate", false));
    }

    private static void putAll(Map<String, Object> host, String field, List<Object> values) {
        if (!values.isEmpty()) {
            host.put(field, values);
        }
    }

    /** {@code /dev/x}, {@code /dev/x:rw}, {@code /dev/x:/dev/y}, {@code /dev/x:/dev/y:r}. */
    private static Map<String, Object> device(Flags.Parsed flags, String value) {
        var parts = value.split(":", -1);
        var source = parts[0];
        var target = source;
        var mode = "rwm";
        if (parts.length == 2 && isMode(parts[1])) {
            mode = parts[1];
        } else if (parts.length >= 2) {
            target = parts[1].isEmpty() ? source : parts[1];
        }
        if (parts.length == 3) {
            mode = parts[2];
        }
        if (parts.length > 3 || source.isEmpty() || !isMode(mode)) {
            throw flags.invalid("device", value, "/dev/HERE[:/dev/THERE][:rwm] would be right");
        }
        var device = new LinkedHashMap<String, Object>();
        device.put("PathOnHost", source);
        device.put("PathInContainer", target);
        device.put("CgroupPermissions", mode);
        return device;
    }

    private static boolean isMode(String text) {
        if (text.isEmpty()) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            if ("rwm".indexOf(text.charAt(i)) < 0 || text.indexOf(text.charAt(i), i + 1) >= 0) {
                return false;
            }
        }
        return true;
    }

    private static List<String> rules(Flags.Parsed flags) {
        for (var value : flags.all("device-cgroup-rule")) {
            if (!value.matches("[acb] ([0-9]+|\\*):([0-9]+|\\*) [rwm]{1,3}")) {
                throw flags.invalid("device-cgroup-rule", value, "a rule such as 'c 1:3 rw' would be right");
            }
        }
        return flags.all("device-cgroup-rule");
    }

    private static List<Object> rates(Flags.Parsed flags, String flag, String field, boolean bytes) {
        var rates = new ArrayList<Object>();
        for (var value : flags.all(flag)) {
            int colon = value.indexOf(':');
            if (colon <= 0 || !value.startsWith("/dev/")) {
                throw flags.invalid(flag, value, "/dev/NAME:NUMBER would be right");
            }
            var number = value.substring(colon + 1);
            long rate;
            if (bytes) {
                rate = Units.bytes(number).orElseThrow(() -> flags.invalid(flag, value, number + " is no size"));
            } else {
                try {
                    rate = Long.parseLong(number);
                } catch (NumberFormatException e) {
                    throw flags.invalid(flag, value, number + " is not a whole number");
                }
            }
            rates.add(Map.of("Path", value.substring(0, colon), field, rate));
        }
        return rates;
    }

    /** {@code all}, a number, or {@code device=0,capabilities=utility,driver=nvidia,options=a=b}. */
    private static Map<String, Object> gpus(Flags.Parsed flags, String value) {
        var request = new LinkedHashMap<String, Object>();
        var capabilities = new ArrayList<String>(List.of("gpu"));
        for (var field : Csv.fields(value)) {
            int equals = field.indexOf('=');
            var key = equals < 0 ? "count" : field.substring(0, equals);
            var text = field.substring(equals + 1);
            switch (key) {
                case "count" -> {
                    try {
                        request.put("Count", text.equals("all") ? -1L : Long.parseLong(text));
                    } catch (NumberFormatException e) {
                        throw flags.invalid("gpus", value, "the count is a number or 'all'");
                    }
                }
                case "device" -> request.put("DeviceIDs", List.of(text.split(",", -1)));
                case "driver" -> request.put("Driver", text);
                case "capabilities" -> capabilities.addAll(List.of(text.split(",", -1)));
                case "options" -> {
                    var options = new LinkedHashMap<String, Object>();
                    for (var option : Csv.fields(text)) {
                        int at = option.indexOf('=');
                        options.put(at < 0 ? option : option.substring(0, at), at < 0 ? "" : option.substring(at + 1));
                    }
                    request.put("Options", options);
                }
                default -> throw flags.invalid("gpus", value, "unexpected key '" + key + "' in '" + field + "'");
            }
        }
        if (!request.containsKey("Count") && !request.containsKey("DeviceIDs")) {
            request.put("Count", 1L);
        }
        request.put("Capabilities", List.of(capabilities));
        return request;
    }
}
