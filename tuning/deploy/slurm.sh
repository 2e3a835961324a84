#!/bin/bash
# One chief and any number of workers as one Slurm job: sbatch --ntasks 9 tuning/deploy/slurm.sh /shared/search --genre rock ...
# The first argument is the search's folder, on a file system that all nodes share; the others are those of `tfsep-tune chief`.
# A job that is requeued or submitted again goes on with the trials that are not done.
#SBATCH --job-name=tfsep-tune
#SBATCH --ntasks=5
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=4G
#SBATCH --time=24:00:00
#SBATCH --requeue
set -euo pipefail

out=$1
shift
host=$(hostname --fqdn)
port=$((20000 + SLURM_JOB_ID % 20000))
export KERASTUNER_ORACLE_IP=$host KERASTUNER_ORACLE_PORT=$port

# The chief draws trials and waits: it needs a part of one core, beside the first worker.
tfsep-tune chief --out "$out" --listen "$host:$port" --patience 5m "$@" &
chief=$!

# A worker waits five minutes for the chief, which reads the data first.
until [ -f "$out/search.json" ] || ! kill -0 "$chief" 2>/dev/null; do sleep 2; done
# shellcheck disable=SC2016  # expanded by each worker
srun --kill-on-bad-exit=0 bash -c \
    'KERASTUNER_TUNER_ID="worker-$SLURM_PROCID" exec tfsep-tune worker --out "$1"' worker "$out" || true
wait "$chief"
