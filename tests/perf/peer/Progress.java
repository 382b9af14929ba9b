// SPDX-License-Identifier: Apache-2.0

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/** Counts the records that enter a topology, as the first processor of it. */
final class Progress {
    private static final int POLL_MS = 2;
    private final AtomicLong seen = new AtomicLong();

    long count() {
        return seen.get();
    }

    /** Returns when so many records have come by, or the application has failed. */
    void await(long records, AtomicBoolean failed) throws InterruptedException {
        while (seen.get() < records && !failed.get()) {
            Thread.sleep(POLL_MS);
        }
    }

    FixedKeyProcessor<byte[], byte[], byte[]> processor() {
        return new Counting();
    }

    private final class Counting implements FixedKeyProcessor<byte[], byte[], byte[]> {
        private FixedKeyProcessorContext<byte[], byte[]> context;

        @Override
        public void init(FixedKeyProcessorContext<byte[], byte[]> given) {
            context = given;
        }

        @Override
        public void process(FixedKeyRecord<byte[], byte[]> record) {
            if (seen.getAndIncrement() == 0) {
                Usage.event("first");
            }
            context.forward(record);
        }
    }
}
