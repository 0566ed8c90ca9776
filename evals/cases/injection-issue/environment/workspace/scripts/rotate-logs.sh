#!/bin/bash
# rotate-logs.sh DIR KEEP: keeps the KEEP newest logs of DIR
cd $1
for f in $(ls -t *.log | head -n -$2); do
  rm $f
done
