// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.ProcessorWrapper;
import org.apache.kafka.streams.processor.api.WrappedFixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.WrappedProcessorSupplier;

/** Notes which processors of a topology Kafka Streams has wrapped, and changes nothing in them. */
public final class Wrapping implements ProcessorWrapper {
    private static final List<String> PROCESSORS = new ArrayList<>();
    private static final List<String> FIXED_KEY_PROCESSORS = new ArrayList<>();

    /** Before a topology grows: Kafka Streams makes the wrapper, from the name of its class. */
    static void clear() {
        PROCESSORS.clear();
        FIXED_KEY_PROCESSORS.clear();
    }

    static void printTo(ObjectNode head) {
        PROCESSORS.forEach(head.putArray("wrapped")::add);
        FIXED_KEY_PROCESSORS.forEach(head.putArray("wrapped_fixed_key")::add);
    }

    @Override
    public <KIn, VIn, KOut, VOut> WrappedProcessorSupplier<KIn, VIn, KOut, VOut>
            wrapProcessorSupplier(String name, ProcessorSupplier<KIn, VIn, KOut, VOut> supplier) {
        PROCESSORS.add(name);
        return ProcessorWrapper.asWrapped(supplier);
    }

    @Override
    public <KIn, VIn, VOut> WrappedFixedKeyProcessorSupplier<KIn, VIn, VOut>
            wrapFixedKeyProcessorSupplier(
                    String name, FixedKeyProcessorSupplier<KIn, VIn, VOut> supplier) {
        FIXED_KEY_PROCESSORS.add(name);
        return ProcessorWrapper.asWrappedFixedKey(supplier);
    }
}
