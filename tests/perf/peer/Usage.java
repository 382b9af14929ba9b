// SPDX-License-Identifier: Apache-2.0

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process has used up to a moment. */
final class Usage {
    private static final double NS = 1e9;
    private final long clockNs = System.nanoTime();
    private final long cpuNs =
        ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    private final long wallMs = System.currentTimeMillis();

    static Usage now() {
        return new Usage();
    }

    /** Prints one line for whoever waits for it. */
    static void event(String name) {
        System.out.printf("{\"event\": \"%s\", \"at_ms\": %d}%n", name, System.currentTimeMillis());
        System.out.flush();
    }

    double secondsAfter(Usage earlier) {
        return (clockNs - earlier.clockNs) / NS;
    }

    double cpuSecondsAfter(Usage earlier) {
        return (cpuNs - earlier.cpuNs) / NS;
    }

    double cpuSeconds() {
        return cpuNs / NS;
    }

    double sinceStartSeconds() {
        return (wallMs - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;
    }

    /** The most memory that was resident at a time (VmHWM). */
    static double peakMegabytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return 0;
    }
}
